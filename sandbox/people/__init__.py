"""What people do and see: the page's server side."""

"""What all kinds of catalogue in a database or a cluster have in common."""

"""From a question or an upload to the posted answer."""

"""Uploads are seen once, counted and queued before Slack's event is acknowledged."""

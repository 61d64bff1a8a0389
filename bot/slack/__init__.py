"""Slack itself: clients, its errors, files and downloads."""

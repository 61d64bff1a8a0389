"""Finds similar sounds: catalogues, embedders and the search between them. Knows nothing of Slack."""

__version__ = "0.1.0"

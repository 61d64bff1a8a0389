"""Finds similar sounds: catalogues, embedders and the search between them. Knows nothing of Slack."""

__version__ = "0.2.0"

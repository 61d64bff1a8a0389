"""Catalogues: clips, labels, vectors and how to search them."""

"""A catalogue in a folder of this machine: SQLite, vectors in a file, Annoy."""

"""From files to windows with vectors, tags and fingerprints: many at once, in bounded memory."""

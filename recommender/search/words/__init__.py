"""Asking in words: what a text means in a catalogue's labels, and the order of the clips that fit it."""

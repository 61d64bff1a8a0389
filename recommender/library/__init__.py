"""A folder of audio as a catalogue: finding files, listening to them once, and remembering what was heard."""

"""A folder of audio as a catalogue: finding files, embedding each once, and remembering the result."""

"""Where a catalogue's clips come from: one module per kind of source."""

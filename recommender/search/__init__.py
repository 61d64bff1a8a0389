"""Search in a catalogue, the labels that neighbours vote for, and how good the answers are."""

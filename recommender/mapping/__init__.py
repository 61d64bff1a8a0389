"""Maps: clips as points in a plane, alike ones side by side, and the labels that tell its regions apart."""

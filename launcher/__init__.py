"""`make run`: everything on one machine, with a starter library of synthesised sounds."""

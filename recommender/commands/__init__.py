"""One module per command of `python -m recommender`. Each has `register(subparsers)`, which adds the command's
parser and sets `run` on it: a function from the parsed arguments to the exit status."""

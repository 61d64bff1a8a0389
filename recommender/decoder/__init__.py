"""Decoding in a child process: the one place where bytes from strangers meet ffmpeg's C code."""

"""What runs inside the decoder's child process: from the bytes of any file to frames, samples, tags and excerpts."""

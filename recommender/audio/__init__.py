"""Audio files to mono PCM: decoding in a child process, resampling, WAV."""

SAMPLE_RATE = 16_000
"""What most embedders take, and what is decoded to where none says otherwise."""

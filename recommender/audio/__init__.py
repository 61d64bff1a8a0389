"""Audio files to mono PCM: decoding in a child process, resampling, WAV."""

SAMPLE_RATE = 16_000
"""What most embedders take, and what is decoded to where none says otherwise."""
"""Samples a second of all PCM between the decoder and the embedders: what their networks were trained on."""

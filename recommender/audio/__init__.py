"""Audio files to 16 kHz mono PCM: decoding in a child process, resampling, WAV."""

SAMPLE_RATE = 16_000
"""Samples a second of all PCM between the decoder and the embedders: what their networks were trained on."""

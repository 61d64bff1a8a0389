"""The HTTP service around an embedder, with the contract of IBM's MAX Audio Embedding Generator."""

"""What runs an embedder: networks in TensorFlow, their front ends and weights, batches of several callers."""

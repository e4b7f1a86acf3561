"""Examples, shards, models, training and quantization. The only door to TensorFlow."""

"""TFDS builders of public data sets; import the one you need (each imports TensorFlow, this package does not)."""

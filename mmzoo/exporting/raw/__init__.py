"""TensorFlow twins of `mmzoo.encoding`, for SavedModels that take raw files and strings."""

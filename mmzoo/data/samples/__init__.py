"""Samples of a data set: what a data set is, its metadata.csv, its records by TFDS."""

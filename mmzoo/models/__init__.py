"""Builders: plain functions that return a multi-input `keras.Model` with a schema. One file a builder."""

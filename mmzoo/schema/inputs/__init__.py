"""The kinds of inputs, one file each."""

"""What builders are made of besides branches and fusions: the last line, seeds, weights, pretrained encoders."""

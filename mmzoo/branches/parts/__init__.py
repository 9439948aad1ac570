"""What branches share: their features, recurrent layers, residual blocks, the places of a picture."""

"""An inspection on the terminal and as a page."""

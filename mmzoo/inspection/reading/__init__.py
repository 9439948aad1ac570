"""What a table's columns hold: cells, dates, files, numbers."""

"""Tables of own data: CSV files, cells, manifests, splits, and prepared records."""

"""Bundles that come with mmzoo."""

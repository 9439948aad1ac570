"""One file a recipe, with a `RECIPE` of the file's name."""

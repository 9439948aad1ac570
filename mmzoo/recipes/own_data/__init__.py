"""Own data: from a table to a bundle, on the machine of all recipes."""

from mmzoo.recipes.own_data.recipe import TableRecipe
from mmzoo.recipes.own_data.training import TableRun, train

__all__ = ["TableRecipe", "TableRun", "train"]

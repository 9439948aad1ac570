"""The machine of all recipes: training with arms, seeds and folds, evaluation, export, card, record."""

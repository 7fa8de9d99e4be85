"""Recipes: YAML with positions, overrides, checks with a caret, resolved values."""

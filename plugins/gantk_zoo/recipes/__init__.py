"""Recipes of the zoo."""

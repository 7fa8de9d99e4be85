"""Recipes, one for each system."""

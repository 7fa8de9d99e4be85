"""From a name in a recipe to a checked, built component; free of torch."""

"""Sweeps: hyperparameter search over the keys of a recipe, a run folder a trial, by one worker or many."""

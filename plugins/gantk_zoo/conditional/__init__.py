"""Generators and critics that are told a class: what these papers add to labels, which are parameters of nets."""

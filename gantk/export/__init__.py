"""Trained generators that leave gantk: what exporters get, model cards, citations."""

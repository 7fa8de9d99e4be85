"""Latents that reproduce held-out cells."""

"""Latents that reproduce held-out samples."""

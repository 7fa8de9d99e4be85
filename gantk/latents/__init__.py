"""Places in the latent space of a generator: directions through it, paths in it, and how a place is written."""

"""What `gantk inspect` sees in tables of expression."""

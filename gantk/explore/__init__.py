"""The page of `gantk explore`: a sample, what can be changed of it, and what is drawn beside it."""

"""How the two nets are played against each other."""

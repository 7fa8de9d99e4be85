"""What is minimised: divergences, and energies of an autoencoder."""

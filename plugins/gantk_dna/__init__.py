"""First-party plugin `dna`: nucleotide sequences, nets that generate and score them, honest measures, logos, design."""

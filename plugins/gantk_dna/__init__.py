"""First-party plugin `dna`: nucleotide sequences, nets that write and judge them, honest measures, logos, design."""

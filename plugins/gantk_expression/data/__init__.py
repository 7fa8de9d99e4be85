"""Data sets of expression tables, and how they are split."""

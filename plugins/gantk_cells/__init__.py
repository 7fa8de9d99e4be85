"""Cells: fluorescence images of many proteins, simulated ones, and nets and measures for them."""

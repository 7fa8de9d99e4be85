"""What gantk is measured against: plain loops with the same nets and the same mathematics, and other packages."""

"""One recipe for each system."""

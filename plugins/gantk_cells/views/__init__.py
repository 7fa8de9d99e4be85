"""Pictures of samples, and panels of the report."""

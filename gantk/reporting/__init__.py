"""Pictures of a run, and its report."""

"""Pictures of expression."""

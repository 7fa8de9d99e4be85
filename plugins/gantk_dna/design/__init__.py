"""Sequences designed for a property."""

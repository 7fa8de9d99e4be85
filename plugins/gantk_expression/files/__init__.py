"""Readers and writers of expression tables."""

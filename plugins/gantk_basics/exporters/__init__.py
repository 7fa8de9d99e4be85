"""Trained generators as files of other tools."""

"""Generators, critics and encoders of expression."""

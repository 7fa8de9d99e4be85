"""Generators, critics and the layers they share."""

"""Metrics of published systems."""

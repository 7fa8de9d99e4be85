"""Metrics: generated samples against real ones."""

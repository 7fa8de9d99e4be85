"""Losses of published systems for expression: one module a paper."""

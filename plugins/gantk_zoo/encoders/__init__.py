"""Autoencoders, and encoders beside a generator."""

"""Tests of gantk."""

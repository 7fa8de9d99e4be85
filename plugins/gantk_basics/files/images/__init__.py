"""Folders of images as arrays: which files are read, how they are decoded, and the cache of what was read."""

"""Examples of gantk plugins."""

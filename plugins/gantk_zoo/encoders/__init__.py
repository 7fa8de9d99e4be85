"""Systems with an encoder beside the generator."""

"""From new fields of view to translated ones: which files make a field, reading by rows, writing, going on."""

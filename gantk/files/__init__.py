"""Files as runs write them: atomic, sealed with a checksum, locked."""

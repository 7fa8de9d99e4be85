"""The rules of the conformance kit, by kind."""

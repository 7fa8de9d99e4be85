"""What Python users and commands call."""

"""The loop, its state, checkpoints, and several processes."""

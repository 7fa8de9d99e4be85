"""Convolutions, gradients of gradients and gradient norms, for penalties."""

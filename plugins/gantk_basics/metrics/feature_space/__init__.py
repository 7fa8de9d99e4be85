"""Distances between samples in the features of a net: the run's critic, a probe, or a net in an ONNX file."""

"""Converts a PyTorch file to an ONNX file for the service, checked against the original."""

"""From a PyTorch file to an ONNX file that the service takes, checked against the original."""

"""The model kit: what makes, adopts and measures the ONNX files that the service loads."""

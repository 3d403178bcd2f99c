"""The model kit: trains, adopts, converts and measures the ONNX files that the service loads."""

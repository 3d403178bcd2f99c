"""What an ``ObjectsDetected`` event of certain labels starts: the object is tagged or moved."""

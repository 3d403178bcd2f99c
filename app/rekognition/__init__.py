"""Amazon Rekognition's DetectLabels in Spotter's terms: its requests, labels, colours, errors."""

"""Amazon Rekognition's DetectLabels in Spotter's terms: its requests, labels, colours, errors."""

MEDIA_TYPE = "application/x-amz-json-1.1"

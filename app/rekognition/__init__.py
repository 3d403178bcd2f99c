"""Amazon Rekognition's operations: their requests, labels, colours, signatures and errors."""

MEDIA_TYPE = "application/x-amz-json-1.1"

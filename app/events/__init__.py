"""The event-driven pipeline: new objects in S3 -> detections -> DynamoDB and EventBridge."""

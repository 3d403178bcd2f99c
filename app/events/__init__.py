"""The event-driven way: objects that arrived in S3 -> detections -> DynamoDB, EventBridge."""

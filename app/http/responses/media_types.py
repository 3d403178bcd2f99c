"""Media types that HTTP libraries do not know as text."""

AWS_JSON = "application/x-amz-json-1.1"

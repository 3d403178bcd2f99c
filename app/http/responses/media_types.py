"""Those that the web does not know as text."""

PROBLEM = "application/problem+json"
AWS_JSON = "application/x-amz-json-1.1"

"""What is told of each request to those who watch: metrics and traces."""

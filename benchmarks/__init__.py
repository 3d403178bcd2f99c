"""Speed, memory and cost of Spotter and of other servers, measured over HTTP."""

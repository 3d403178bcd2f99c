"""Speed, memory and cost of Spotter beside what people use, measured over HTTP."""

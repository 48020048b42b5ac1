"""What became of each node of a network, at what cost; as plain data, a file, and a page."""

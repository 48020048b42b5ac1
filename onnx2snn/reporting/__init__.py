"""Reports: what became of each node of a network, at what cost; as data, a file, a page."""

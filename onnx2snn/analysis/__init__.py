"""Which values of a graph are streams, and what each node becomes."""

"""One network converted by several methods for several T, scored, and drawn."""

"""Converting a trained ANN: which passes, on what, with which options."""

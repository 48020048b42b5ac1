"""From the activations of an ANN to the thresholds of its neurons."""

"""Stage 2: down to activations and linear layers."""

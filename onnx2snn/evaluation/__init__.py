"""Running and scoring: a spiking network beside its ANN, output by output and T by T."""

"""Calibration: data, distributions, threshold rules, and the walk through the layers."""

"""Calls spread over processes, or over the machines of a cluster, through joblib."""

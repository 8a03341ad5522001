"""Validation: the gate between the data and everything that learns from them."""

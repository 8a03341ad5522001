"""Validation of the data before training: curated schema, schema gate, drift."""

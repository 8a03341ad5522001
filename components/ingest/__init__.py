"""Ingest: from the interaction log and the catalogue, in CSV, JSONL or Parquet, to examples."""

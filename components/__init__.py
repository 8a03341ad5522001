"""What happens inside the steps of the pipeline."""

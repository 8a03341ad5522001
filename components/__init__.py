"""The code that runs inside the steps of the pipeline."""

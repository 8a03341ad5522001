"""Serving: version folders, requests, the loaded model, what is logged of the traffic. Knows nothing of the pipeline."""

"""Serving: version folders, requests, the loaded model, the traffic log. Independent of the pipeline."""

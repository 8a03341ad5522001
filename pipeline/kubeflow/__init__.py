"""Kubeflow Pipelines and Vertex AI: spec, contract, resources, client, entrypoint."""

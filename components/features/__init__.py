"""Input features of models and rules: events, items, histories and the context of a request."""

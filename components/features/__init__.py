"""What models and rules are fed: events, items, histories, the context of a request."""

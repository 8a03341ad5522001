"""A Feast feature store of user histories and item features: the tables, the repository, and the server's way to it."""

"""Queries, exact ranks, metrics, bootstrap and the validation cut: used to choose and to judge."""

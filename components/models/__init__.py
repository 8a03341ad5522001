"""What is trained and what serves: towers, ranking head, the serving contract and its export."""

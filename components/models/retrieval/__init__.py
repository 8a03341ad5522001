"""The retrieval model: towers, counted parts of the score, their blend, training."""

"""The retrieval metrics that a declaration can name."""

METRICS = ("recall@10", "recall@20", "recall@50", "ndcg@10", "mrr")

"""Judging: questions, exact ranks, metrics, intervals, and the verdict on who serves."""

"""`validate`: checks that the declaration fits the log."""

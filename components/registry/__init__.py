"""What is pushed: the serving contract, export, card, warm-up, version folders, pusher, item vectors."""

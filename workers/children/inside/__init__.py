"""What runs in a child. It imports nothing of ours but `frames`, and nothing else that it can do without."""

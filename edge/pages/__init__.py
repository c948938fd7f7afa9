"""What a person sees: log in, allow, what went wrong, how to connect. No script, no picture, nothing from elsewhere."""

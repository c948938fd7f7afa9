"""The wire of ChatGPT's connector, and of other agents."""

"""The workers' parts."""

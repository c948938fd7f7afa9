"""Tools as TypeScript: what a model reads best, and what a script is written against."""

"""Code mode at the edge: the tool that runs scripts, and what is said of it. What scripts ask for is in `edge/inner`."""

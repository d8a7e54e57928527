"""Many prices changed at once: looked at before, kept within bounds, done by a worker, and undone."""

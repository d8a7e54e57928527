"""Products that staff put beside others: what is like one, better than it, or goes with it."""

"""Each day, what providers say they settled beside what our books say they owe."""

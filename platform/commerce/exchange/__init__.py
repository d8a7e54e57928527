"""The catalogue in files: brought in, taken out, by background jobs that begin where another left off."""

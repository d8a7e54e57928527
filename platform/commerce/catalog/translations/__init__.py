"""The catalogue's texts in other languages."""

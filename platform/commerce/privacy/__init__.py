"""What is kept about people: where it is, how it is sealed, and how they are forgotten."""

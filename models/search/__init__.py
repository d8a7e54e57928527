"""Search: text into words and vectors, and lists of products out of both; graded on judged queries."""

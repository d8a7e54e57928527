"""Who is asking: customers and their sessions."""

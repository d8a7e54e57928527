"""What staff and programs see of keys and of OAuth over HTTP."""

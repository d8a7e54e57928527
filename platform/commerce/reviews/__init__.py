"""What customers say of products: verified, moderated, answered, counted."""

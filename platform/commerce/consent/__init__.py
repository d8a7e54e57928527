"""What people agree to, purpose by purpose: nothing until they say so, and every answer is kept."""

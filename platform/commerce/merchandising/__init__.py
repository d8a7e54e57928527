"""What staff say of the shop's search: which words stand for others, and what comes first."""

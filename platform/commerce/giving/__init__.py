"""What staff give away for the shop, written down with who did, and bounded by what they may give."""

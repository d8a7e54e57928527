"""Pictures that look alike: an encoder, what it learns from a shop's own pictures, and how good either is."""

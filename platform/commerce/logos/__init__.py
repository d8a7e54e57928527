"""A shop's logo: made from what was uploaded, kept by what it shows, loaded by whatever shows it."""

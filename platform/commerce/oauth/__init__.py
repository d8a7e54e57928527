"""OAuth 2.1: programs that people let act for them, and the tokens they act with."""

"""The local stack: which processes it is made of, and how they are started, watched and stopped."""

"""What people are told: by mail, by text message."""

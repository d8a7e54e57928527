"""The local stack's mailbox: whatever the platform sends, to whomever, arrives here and can be read."""

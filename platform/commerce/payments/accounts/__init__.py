"""Which providers a shop takes payments with, and whose account the money goes to."""

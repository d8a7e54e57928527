"""How often somebody may ask for what could be guessed."""

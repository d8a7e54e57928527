"""Accounts over HTTP: to register, to prove an address, to change what an account is reached by."""

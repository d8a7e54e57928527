"""What takes too long, or too much, for every run of the tests: `make security`."""

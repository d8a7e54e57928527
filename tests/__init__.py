"""The tests of the whole platform."""

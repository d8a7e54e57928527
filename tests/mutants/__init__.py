"""The classic bugs of commerce cores, planted one at a time, and the tests that must catch them."""

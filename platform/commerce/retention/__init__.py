"""What is kept about people is thrown away when its time is over: the rules, and the worker that follows them."""

"""The shop's pages: rendered on the server, in process with the core, complete without JavaScript."""

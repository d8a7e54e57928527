"""Shops whose time is over are removed from every engine, by a process that has the rights to."""

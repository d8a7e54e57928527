"""What every package of pages stands on: templates, forms, and the looks they share.

The shop's pages and the back office's know nothing of each other; both stand on this, and this on the core.
"""

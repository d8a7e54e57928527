"""The Feast repository: what is known of shoppers and products, defined once for training and for serving."""

"""What `skerry bench store` runs: the store of keys and values under a steady stream of questions."""

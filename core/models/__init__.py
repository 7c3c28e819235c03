"""The models: what exists, where it is fetched from, how it is converted, and where it lies."""

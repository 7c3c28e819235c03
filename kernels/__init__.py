"""The hot loops, and nothing that knows what a document is."""

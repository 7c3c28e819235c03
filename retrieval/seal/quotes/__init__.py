"""Verifiable quotes: the words of a text, looked up in the corpus by way of the FM-index."""

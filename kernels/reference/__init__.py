"""Slow, obviously right versions: the oracle of every kernel."""

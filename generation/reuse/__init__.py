"""Passages' keys and values, computed once and spliced into any prompt."""

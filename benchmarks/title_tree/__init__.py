"""The title tree on millions of generated titles, and beside a tree of Python's dicts."""

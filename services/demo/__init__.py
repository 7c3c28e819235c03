"""The demo: a real corpus that every Python has, questions about it, and the whole chain run on both."""

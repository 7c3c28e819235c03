"""From a corpus to ranked passages."""

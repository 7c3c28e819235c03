"""From ranked passages to better ranked passages."""

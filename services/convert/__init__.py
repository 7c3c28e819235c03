"""Between the wire and the domain: every message that has a counterpart there, in both directions."""

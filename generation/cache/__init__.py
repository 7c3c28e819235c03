"""Where keys and values stand while an answer is made."""

"""What an installation has and what it lacks: one file a kind of check."""

"""Which tokens of spliced passages are computed again among their new neighbours: one mode a file."""

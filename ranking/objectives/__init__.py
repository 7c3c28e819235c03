"""Learning objectives, one a file: scores of a query's candidates in, a loss out."""

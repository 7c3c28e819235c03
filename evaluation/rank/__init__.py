"""All rankers beside each other on one question set: folds, scores, significance, one table."""

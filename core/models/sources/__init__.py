"""Where a model's files can come from: one file a source."""

"""Pages, passages, readers, chunking and the passage store."""

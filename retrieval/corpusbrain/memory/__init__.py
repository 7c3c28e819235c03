"""What the pages say, as vectors: a memory that is read with the query's vector, page by page."""

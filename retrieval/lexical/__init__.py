"""BM25 over two engines: tantivy (embedded) and Lucene (through pyserini)."""

"""The CorpusBrain leg: which page, how fast, and what each pre-training task and new pages do to it."""

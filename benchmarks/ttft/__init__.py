"""`skerry bench ttft`: the time to the first token where passages' keys and values are kept."""

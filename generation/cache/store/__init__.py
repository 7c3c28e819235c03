"""Where passages' keys and values are kept: memory, Redis, disk, each within its budget."""

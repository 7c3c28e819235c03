"""Which rows of the cache a decoded token reads: one method a file. Nothing is thrown away, only chosen."""

"""The FM-index beside sdsl-lite's integer wavelet tree: the same text, the same queries, the same run."""

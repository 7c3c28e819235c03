"""What `skerry bench` runs, each beside the peer it names."""

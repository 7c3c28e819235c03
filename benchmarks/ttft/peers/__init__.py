"""Other engines beside ours: each a child process, run by a Python in which it is installed."""

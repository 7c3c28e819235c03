"""The command line, a group of commands a file, each imported only when it is called."""

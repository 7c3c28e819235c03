"""Thin: gRPC and the command line on one side, the domain on the other."""

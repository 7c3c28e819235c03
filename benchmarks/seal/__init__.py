"""SEAL measured: how fast, how large, and how good."""

"""Measurements of single parts, each beside the peer that it names."""

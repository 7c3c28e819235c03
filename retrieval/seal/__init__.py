"""SEAL: generated substrings of the corpus as document identifiers (Bevilacqua et al. 2022)."""

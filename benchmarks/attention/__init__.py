"""Attention kernels beside their peers, and the sparse patterns of a prefill."""

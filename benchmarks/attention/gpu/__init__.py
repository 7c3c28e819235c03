"""The Triton kernels on a card: right, and how fast beside dense SDPA and compiled flex_attention.

Needs torch, triton and one GPU, nothing else:

    PYTHONPATH=.typing python -P -m skerry.benchmarks.attention.gpu --out FILE

Prints tables, and writes them as JSON, part after part.
"""

"""Attention to chosen keys on a GPU, in Triton: the same calls as `skerry.kernels.attention`.

Nothing here loads native code. Under `TRITON_INTERPRET=1` the kernels run, slowly, on tensors of the CPU.
Unlike there, the numbers of an index are not checked: what is on a GPU is not read back.
"""

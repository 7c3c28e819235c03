"""The compiled kernels: there, and right on a small example."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.services.doctor.base import Finding

_REBUILD = "Compile them again: pip install -e . (it needs a C++ compiler)."


def check_kernels() -> Iterator[Finding]:
    """Load the native module and count a few bits with it."""
    try:
        import numpy as np

        from skerry.kernels import _native
    except (ImportError, OSError) as error:
        yield Finding("kernels", "native", "wrong", f"cannot be loaded: {error}", _REBUILD)
        return
    bits = np.array([1, 0, 1, 1], dtype=np.bool_)
    counted = _native.BitVector.from_bits(bits).rank1(np.array([0, 1, 4], dtype=np.uint64)).tolist()
    right = counted == [0, 1, 3]
    yield Finding(
        "kernels",
        "native",
        "ok" if right else "wrong",
        str(_native.__file__) if right else f"rank of 1011 is {counted}, not [0, 1, 3]",
        "" if right else _REBUILD,
    )

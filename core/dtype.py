"""Which floating-point type a model computes in on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skerry.core.errors import InvalidInput

if TYPE_CHECKING:
    import torch

DTYPES = ("auto", "bf16", "fp32")


def check_dtype(dtype: str) -> str:
    """`dtype` itself, "auto", "bf16" or "fp32". Raises `InvalidInput` for anything else."""
    if dtype not in DTYPES:
        raise InvalidInput(
            f"There is no dtype {dtype!r}.",
            hint=f"Choose {', '.join(DTYPES[:-1])} or {DTYPES[-1]}.",
            details={"parameter": "dtype"},
        )
    return dtype


def resolve_dtype(dtype: str, device: str = "cpu") -> str:
    """ "bf16" or "fp32" for a setting that may be "auto": bf16 where the device multiplies it in hardware.

    Raises:
        InvalidInput: anything else.
    """
    if check_dtype(dtype) != "auto":
        return dtype
    import torch

    if device == "cuda":
        native = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        abilities = torch.cpu.get_capabilities()
        native = bool(abilities.get("avx512_bf16") or abilities.get("amx_bf16"))
    return "bf16" if native else "fp32"


def torch_dtype(dtype: str, device: str = "cpu") -> torch.dtype:
    """torch's type for a setting; see `resolve_dtype`."""
    import torch

    return torch.bfloat16 if resolve_dtype(dtype, device) == "bf16" else torch.float32

"""Runs all of it; exits with 1 where a kernel is wrong or a part failed, after the other parts."""

from __future__ import annotations

import argparse
import json
import traceback
from pathlib import Path

import torch

from skerry.benchmarks.attention.gpu.checks import checks
from skerry.benchmarks.attention.gpu.decode import decode
from skerry.benchmarks.attention.gpu.flex import flex
from skerry.benchmarks.attention.gpu.prefill import prefill
from skerry.benchmarks.attention.gpu.suffix import suffix
from skerry.benchmarks.attention.gpu.timing import Clock

_PARTS = (checks, prefill, suffix, decode, flex)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m skerry.benchmarks.attention.gpu")
    parser.add_argument("--out", type=Path, required=True, help="where the JSON is written")
    parser.add_argument("--seconds", type=float, default=150.0, help="after which nothing new is begun")
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("torch sees no GPU here.")
    import triton
    from triton.errors import TritonError

    clock = Clock(options.seconds)
    card = {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "triton": triton.__version__}
    print(", ".join(f"{name} {value}" for name, value in card.items()))
    torch.manual_seed(0)
    tables: dict[str, object] = dict(card)
    failed: list[str] = []
    for part in _PARTS:
        print(f"\n{part.__name__}", flush=True)
        try:
            tables[part.__name__] = rows = part(clock)
        except (RuntimeError, TritonError):
            failed.append(f"{part.__name__}: {traceback.format_exc()}")
            print(failed[-1])
        else:
            failed += [f"{row['kernel']} is wrong" for row in rows if not row.get("right", True)]
        tables |= {"skipped": clock.skipped, "failed": failed, "seconds": clock.passed()}
        options.out.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
        torch.cuda.empty_cache()
        print(f"[{clock.passed():.0f} s]", flush=True)
    for line in clock.skipped:
        print(f"skipped: {line}")
    if failed:
        raise SystemExit("\n".join(["failed:", *failed]))


if __name__ == "__main__":
    main()

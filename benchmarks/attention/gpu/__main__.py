"""Runs all of it; exits with 1 where a kernel is wrong."""

from __future__ import annotations

import argparse
import json
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

    clock = Clock(options.seconds)
    card = {"card": torch.cuda.get_device_name(), "torch": torch.__version__, "triton": triton.__version__}
    print(", ".join(f"{name} {value}" for name, value in card.items()))
    torch.manual_seed(0)
    tables: dict[str, object] = dict(card)
    for part in _PARTS:
        print(f"\n{part.__name__}", flush=True)
        tables[part.__name__] = rows = part(clock)
        tables["skipped"], tables["seconds"] = clock.skipped, clock.passed()
        options.out.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")
        torch.cuda.empty_cache()
        print(f"[{clock.passed():.0f} s]", flush=True)
        if part is checks and not all(row["right"] for row in rows):
            raise SystemExit(1)
    for line in clock.skipped:
        print(f"skipped: {line}")


if __name__ == "__main__":
    main()

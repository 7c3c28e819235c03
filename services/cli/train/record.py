"""What a training run says of itself, beside what it made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def keep_record(out: Path, record: Mapping[str, Any]) -> None:
    """Write training.json into the folder `out`."""
    from skerry.core.files import write_atomically

    write_atomically(out / "training.json", json.dumps(record, indent=2, sort_keys=True).encode() + b"\n")

"""The interpreter and the machine: processor, its instructions, memory."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from skerry.services.doctor.base import Finding

_INSTRUCTIONS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8", "asimd", "sve")
_GIBIBYTE = 1 << 30


def check_machine() -> Iterator[Finding]:
    """What everything here runs on; nothing of it is required but Python 3.11."""
    right = sys.version_info >= (3, 11)
    yield Finding(
        "python",
        "interpreter",
        "ok" if right else "wrong",
        f"{platform.python_implementation()} {platform.python_version()} at {sys.executable}",
        "" if right else "Use Python 3.11 or newer.",
    )
    model, flags = _processor()
    known = [flag for flag in _INSTRUCTIONS if flag in flags]
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Finding("machine", "processor", "ok", f"{model}, {usable} of {os.cpu_count()} cores usable")
    yield Finding("machine", "instructions", "ok", " ".join(known) or "none that speed things up")
    yield Finding("machine", "memory", "ok", _memory())


def _processor() -> tuple[str, set[str]]:
    """The processor's name and its feature flags (Linux says them; elsewhere the set is empty)."""
    model, flags = platform.processor() or platform.machine(), set[str]()
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                model = value.strip()
            elif key.strip() in ("flags", "Features"):
                flags.update(value.split())
    return model, flags


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    text = f"{total / _GIBIBYTE:.1f} GiB"
    limit = Path("/sys/fs/cgroup/memory.max")
    if limit.is_file():
        allowed = limit.read_text().strip()
        if allowed.isdigit() and int(allowed) < total:
            text += f", {int(allowed) / _GIBIBYTE:.1f} GiB allowed to this container"
    return text

"""A subcommand of `skerry train` as a user calls it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from skerry.services.cli.main import main


class TrainCommand:
    """Calls `skerry train NAME` with some options changed; None leaves one out.

    Args:
        options: those of every call beside `--out`.
    """

    def __init__(
        self, name: str, out: Path, options: Mapping[str, str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.out = out
        self._name, self._capsys = name, capsys
        self._options = {**options, "out": str(out)}

    def __call__(self, *flags: str, **changes: str | None) -> tuple[int, str, str]:
        """Exit status, stdout and stderr."""
        options = self._options | {name.replace("_", "-"): value for name, value in changes.items()}
        given = [
            part for name, value in options.items() if value is not None for part in (f"--{name}", value)
        ]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["skerry", "train", self._name, *given, "--quiet", *flags])
            try:
                main()
                code = 0
            except SystemExit as end:
                code = int(end.code or 0)
        printed = self._capsys.readouterr()
        return code, printed.out, printed.err

"""The rule of the house that a machine can check: arrows point down, and the domain knows no wire."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
# A room may use itself and the rooms to its right.
_ROOMS = ("services", "evaluation", "generation", "ranking", "retrieval", "kernels", "core")
_WIRE = ("grpc", "google.protobuf", "google.rpc", "google.longrunning", "skerry.protos")


def _imports(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            if node.module == "skerry":
                yield from ((node.lineno, f"skerry.{alias.name}") for alias in node.names)


def _room_of(module: str) -> str:
    return module.split(".")[1] if module.startswith("skerry.") else ""


@pytest.mark.parametrize("room", _ROOMS)
def test_arrows_point_down(room: str) -> None:
    allowed = set(_ROOMS[_ROOMS.index(room) :])
    wrong = [
        f"{path.relative_to(_ROOT)}:{line} imports {module}"
        for path in sorted((_ROOT / room).rglob("*.py"))
        for line, module in _imports(path)
        if _room_of(module) in set(_ROOMS) - allowed
    ]
    assert not wrong


@pytest.mark.parametrize("room", _ROOMS[1:])
def test_the_domain_knows_no_wire(room: str) -> None:
    wrong = [
        f"{path.relative_to(_ROOT)}:{line} imports {module}"
        for path in sorted((_ROOT / room).rglob("*.py"))
        for line, module in _imports(path)
        if any(module == name or module.startswith(f"{name}.") for name in _WIRE)
    ]
    assert not wrong


def test_every_folder_is_named_in_the_architecture() -> None:
    text = (_ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    folders = {
        path.relative_to(_ROOT).as_posix()
        for room in (*_ROOMS, "protos", "benchmarks")
        for path in (_ROOT / room, *(_ROOT / room).glob("*"))
        if path.is_dir() and path.name != "__pycache__"
    }
    missing = sorted(folder for folder in folders if f"`{folder}/`" not in text)
    assert not missing

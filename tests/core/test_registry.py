"""Registries import at first use and name the nearest entry for a wrong one."""

from __future__ import annotations

import sys

import pytest

from skerry.core.errors import NotFound
from skerry.core.registry import Registry


def test_nothing_is_imported_before_load() -> None:
    sys.modules.pop("this", None)
    registry: Registry[object] = Registry("thing", {"zen": "colorsys:rgb_to_hsv", "broken": "no.such:thing"})
    assert "broken" in registry
    assert list(registry) == ["broken", "zen"]
    import colorsys

    assert registry.load("zen") is colorsys.rgb_to_hsv
    with pytest.raises(ModuleNotFoundError):
        registry.load("broken")


def test_unknown_name_lists_and_suggests() -> None:
    registry: Registry[object] = Registry("leg", {"bm25": "a:b", "dense": "a:c"})
    with pytest.raises(NotFound) as caught:
        registry.load("bm52")
    assert "no leg named 'bm52'" in str(caught.value)
    assert "bm25, dense" in str(caught.value)
    assert "Did you mean 'bm25'?" in str(caught.value)
    assert caught.value.details == {"kind": "leg", "name": "bm52"}


def test_unknown_name_of_an_empty_registry() -> None:
    registry: Registry[object] = Registry("leg", {})
    with pytest.raises(NotFound, match="known: none"):
        registry.check("bm25")


def test_register_adds_and_replaces() -> None:
    registry: Registry[object] = Registry("shape", {"a": "math:sin"})
    registry.register("a", "math:cos")
    registry.register("b", "math:pi")
    import math

    assert registry.load("a") is math.cos
    assert registry.load("b") == math.pi

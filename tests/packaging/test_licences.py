"""No package that Skerry needs at run time is under the GPL. `make licences` prints the list."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Development tools are not shipped. Extras that are not installed are passed over.
_EXTRAS = ("cpu", "gpu", "lucene", "redis", "ray", "train", "bench", "glove", "fusion")
_CLASSIFIER = "License :: OSI Approved :: "


def _shipped() -> dict[str, Distribution]:
    """Every distribution that Skerry, with the installed ones of its extras, requires here, by name."""
    found: dict[str, Distribution] = {}
    waiting = [("skerry", _EXTRAS)]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    while waiting:
        name, extras = waiting.pop()
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        try:
            package = distribution(name)
        except PackageNotFoundError:  # an extra that is not installed
            continue
        found[name] = package
        for text in package.requires or ():
            requirement = Requirement(text)
            marker = requirement.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
                waiting.append((canonicalize_name(requirement.name), tuple(sorted(requirement.extras))))
    return found


def _licence(package: Distribution) -> str:
    """What the package says of itself: the SPDX expression, else its classifiers, else the first line."""
    metadata = package.metadata
    if metadata["License-Expression"]:
        return str(metadata["License-Expression"])
    classifiers = [
        text.removeprefix(_CLASSIFIER)
        for text in metadata.get_all("Classifier") or ()
        if text.startswith(_CLASSIFIER)
    ]
    if classifiers:
        return "; ".join(classifiers)
    return str(metadata["License"] or "").strip().split("\n")[0]


def _is_forbidden(licence: str) -> bool:
    """Whether the GPL or AGPL binds: the LGPL, a choice, or an exception for linking does not."""
    for choice in re.split(r"\bOR\b", licence):
        bare = re.sub(r"[\w.+-]*GPL[\w.+-]*\s+WITH\s+[\w.-]+", "", choice)
        bare = re.sub(r"LGPL|Lesser General Public|Library or Lesser", "", bare)
        if not re.search(r"GPL|General Public License", bare):
            return False
    return True


def _table() -> Iterator[tuple[str, str, str]]:
    for name, package in sorted(_shipped().items()):
        yield name, package.version, _licence(package)


def test_the_walk_reaches_the_dependencies_of_dependencies() -> None:
    shipped = _shipped()
    assert {"skerry", "torch", "transformers", "tokenizers", "numpy", "grpcio", "sympy"} <= set(shipped)
    assert "pytest" not in shipped and "mypy" not in shipped


def test_nothing_that_is_shipped_is_under_the_gpl() -> None:
    rows = list(_table())
    for name, version, licence in rows:
        print(f"{name:<32}{version:<22}{licence}")
    assert not [row for row in rows if _is_forbidden(row[2])]
    unknown = [name for name, _, licence in rows if not licence]
    assert not unknown, "these packages do not say what their licence is; look at them by hand"


@pytest.mark.parametrize(
    ("licence", "forbidden"),
    [
        ("MIT", False),
        ("Apache-2.0 AND BSD-3-Clause", False),
        ("LGPL-2.1-or-later", False),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("MIT OR GPL-3.0-only", False),
        ("BSD-3-Clause AND GPL-3.0-or-later WITH GCC-exception-3.1", False),
        ("GPL-3.0-only", True),
        ("MIT AND GPL-2.0-or-later", True),
        ("AGPL-3.0-only", True),
        ("GNU General Public License v3 (GPLv3)", True),
    ],
)
def test_the_rule_itself(licence: str, forbidden: bool) -> None:
    assert _is_forbidden(licence) is forbidden

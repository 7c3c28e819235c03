"""All checks in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from skerry.core.models.store import ModelStore
from skerry.services.doctor.adapters import check_adapters
from skerry.services.doctor.base import Finding
from skerry.services.doctor.cache import check_cache
from skerry.services.doctor.kernels import check_kernels
from skerry.services.doctor.legs import check_legs
from skerry.services.doctor.machine import check_machine
from skerry.services.doctor.models import check_models
from skerry.services.doctor.packages import check_extras, check_packages
from skerry.services.doctor.programs import check_programs


def examine(store: ModelStore) -> Iterator[Finding]:
    """Run every check, one after the other, so that a slow one does not hide what is known already."""
    yield from check_machine()
    yield from check_packages()
    yield from check_kernels()
    yield from check_models(store)
    yield from check_adapters(store)
    yield from check_legs(store)
    yield from check_extras()
    yield from check_programs()
    yield from check_cache()

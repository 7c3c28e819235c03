"""Models of both kinds."""

from __future__ import annotations

import pytest

from . import tiny


@pytest.fixture(scope="session", params=["small", "bart", "t5"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tiny.Case:
    """One kind after the other."""
    if request.param == "small":
        return tiny.small()
    return tiny.seq2seq(request.param, tmp_path_factory.mktemp(request.param))

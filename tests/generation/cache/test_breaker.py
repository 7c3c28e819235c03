"""A tier that fails is left alone, longer each time, and tried by one at a time."""

from __future__ import annotations

from skerry.generation.cache.store.breaker import Breaker


def test_pauses_double_up_to_half_a_minute() -> None:
    now = 0.0
    breaker = Breaker(lambda: now)
    assert breaker.allows()
    for pause in (1, 2, 4, 8, 16, 30, 30):
        breaker.failed()
        now += pause - 0.01
        assert not breaker.allows()
        now += 0.02
        assert breaker.allows()
        assert not breaker.allows()
    breaker.succeeded()
    assert breaker.allows() and breaker.allows()
    breaker.failed()
    now += 1.01
    assert breaker.allows()

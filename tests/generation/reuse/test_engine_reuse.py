"""The generator with a store: what it answers, what it says of it, and what it does when the store fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from skerry.benchmarks.store.server import RedisServer
from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, DeadlineExceeded, InvalidInput
from skerry.core.models.store import Model
from skerry.generation import engine
from skerry.generation.base import Completed, Event, GenerationRequest, Source, Started
from skerry.generation.cache.store.open import StoreOptions, open_store
from skerry.generation.cache.store.tiered import TieredStore
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan
from skerry.generation.reading import lead

from .conftest import Shelf
from .test_splice import SOURCES

MODES = ("none", "first:4", "last:4", "blend:0.2", "full")


@pytest.fixture
def generator(tiny_model: Model) -> TransformersGenerator:
    return TransformersGenerator(tiny_model, "fp32", store=Shelf())


def _request(**context: object) -> GenerationRequest:
    plan = ContextPlan(**context)  # type: ignore[arg-type]
    return GenerationRequest("Who built Skerryvore?", SOURCES, max_tokens=12, context=plan)


def _events(generator: TransformersGenerator, request: GenerationRequest) -> tuple[Started, Completed]:
    events: list[Event] = list(generator.generate(request, Deadline(60)))
    started, done = events[0], events[-1]
    assert isinstance(started, Started) and isinstance(done, Completed)
    return started, done


def test_by_default_the_answer_is_that_of_a_plain_prefill_and_the_second_time_it_costs_the_question(
    generator: TransformersGenerator,
) -> None:
    started, plain = _events(generator, _request(reuse=False))
    assert (started.reuse, started.no_reuse) == ((), "")
    assert started.cached_tokens == len(generator.loaded().prompting.prefix)
    first, _ = _events(generator, _request())
    again, done = _events(generator, _request())
    assert done.text == plain.text
    assert [part.tier for part in first.reuse] == [""] * 4
    assert [part.tier for part in again.reuse] == ["memory"] * 4
    loaded = generator.loaded()
    tail = len(loaded.prompting.fit("Who built Skerryvore?", SOURCES, 900).tail)
    assert again.cached_tokens == again.prompt_tokens - tail == done.cached_tokens
    assert {"lookup", "splice", "prefill", "keep"} <= done.timings.keys()


def test_memory_goes_back_after_a_prompt_that_was_kept_and_after_no_other(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[None] = []
    monkeypatch.setattr(engine, "give_back_freed_memory", lambda: calls.append(None))
    told = []
    other = replace(_request(), sources=SOURCES[::-1])
    for request in (_request(reuse=False), _request(), _request(), other):
        _events(generator, request)
        told.append(len(calls))
    assert told == [0, 1, 1, 2]


@pytest.mark.parametrize("mode", MODES)
def test_what_is_stored_does_not_change_the_answer(generator: TransformersGenerator, mode: str) -> None:
    other = replace(_request(recompute=mode), sources=SOURCES[::-1])
    empty = _events(TransformersGenerator(generator._model, "fp32", store=Shelf()), _request(recompute=mode))
    _events(generator, other)
    started, done = _events(generator, _request(recompute=mode))
    assert done.text == empty[1].text
    if mode != "full":
        assert started.cached_tokens > empty[0].cached_tokens


def test_certainty_gives_the_plain_answer_in_every_mode(generator: TransformersGenerator) -> None:
    _, plain = _events(generator, _request(reuse=False))
    for mode in MODES:
        started, done = _events(generator, _request(recompute=mode, margin=1.0))
        assert done.text == plain.text
        assert [part.source_id for part in started.reuse] == [source.id for source in SOURCES]


def test_a_doubt_in_mid_answer_goes_on_as_if_nothing_had_been_spliced(
    generator: TransformersGenerator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first tokens are sure, the others are not: the passages are computed again behind two tokens."""
    _, spliced = _events(generator, _request(recompute="none"))
    leads = iter([1.0, 1.0])
    monkeypatch.setattr("skerry.generation.reading.lead", lambda logits: next(leads, 0.0))
    started, done = _events(generator, _request(recompute="none", margin=0.5))
    assert "again" in done.timings
    assert started.cached_tokens > done.cached_tokens
    assert done.text[:1] == spliced.text[:1]


def test_the_lead_is_of_probabilities() -> None:
    import torch

    assert lead(torch.tensor([0.0, 0.0, -1e9])) == pytest.approx(0.0)
    assert lead(torch.tensor([100.0, 0.0])) == pytest.approx(1.0)


@pytest.mark.parametrize("selector", ["sentence", "quest", "actqkv", "recycled", "routing"])
def test_selectors_by_request_read_everything_within_the_budget(
    generator: TransformersGenerator, selector: str
) -> None:
    _, full = _events(generator, _request())
    for mode in ("full", "first:4"):
        whole = _events(generator, _request(selector=selector, budget=2048, recompute=mode, margin=1.0))
        assert whole[1].text == full.text
    assert _events(generator, _request(selector=selector, budget=64, recompute="none"))[1].prompt_tokens


@pytest.mark.parametrize("prefill", ["auto", "flex_prefill", "a_shape"])
def test_patterns_by_request(generator: TransformersGenerator, prefill: str) -> None:
    assert _events(generator, _request(prefill=prefill, reuse=False))[1].prompt_tokens


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("recompute", "most"),
        ("recompute", "first:0"),
        ("recompute", "blend:2"),
        ("margin", -0.1),
        ("margin", 1.1),
        ("margin", float("nan")),
        ("selector", "best"),
        ("budget", 0),
        ("budget", -1),
        ("budget", True),
        ("prefill", "sparse"),
    ],
)
def test_bad_input_is_refused_at_the_call_and_names_the_field(
    generator: TransformersGenerator, field: str, value: object
) -> None:
    with pytest.raises(InvalidInput) as caught:
        generator.generate(_request(**{field: value}), Deadline(60))
    assert caught.value.details["field"] == field
    with pytest.raises(InvalidInput):
        TransformersGenerator(generator._model, context=ContextPlan(**{field: value}))  # type: ignore[arg-type]


def test_a_passage_longer_than_the_models_context_is_refused(generator: TransformersGenerator) -> None:
    long = (Source("long#0", "Long", "lamp " * 3000),)
    with pytest.raises(InvalidInput, match="do not fit") as caught:
        list(generator.generate(replace(_request(), sources=long), Deadline(60)))
    assert caught.value.details["field"] == "sources"


def test_prepared_sources_are_found(tiny_model: Model) -> None:
    shelf = Shelf()
    generator = TransformersGenerator(tiny_model, "fp32", store=shelf)
    assert generator.prepare(SOURCES[:3], Deadline(60)) == 3
    assert generator.prepare(SOURCES, Deadline(60)) == 1
    started, done = _events(generator, _request(recompute="first:2"))
    assert {part.tier for part in started.reuse} == {"memory"}
    other = TransformersGenerator(tiny_model, "fp32", store=Shelf())
    assert done.text == _events(other, _request(recompute="first:2"))[1].text
    with pytest.raises(BackendUnavailable, match="no store"):
        TransformersGenerator(tiny_model, "fp32").prepare(SOURCES, Deadline(60))
    with pytest.raises(DeadlineExceeded):
        other.prepare(SOURCES, Deadline(0))


def test_what_a_sparse_pattern_computed_is_not_taken_for_another(generator: TransformersGenerator) -> None:
    for prefill in ("dense", "a_shape", "vertical_slash"):
        first, _ = _events(generator, _request(prefill=prefill))
        again, _ = _events(generator, _request(prefill=prefill))
        assert {part.tier for part in first.reuse} == {""}
        assert {part.tier for part in again.reuse} == {"memory"}
    short, _ = _events(generator, _request(prefill="auto"))
    assert {part.tier for part in short.reuse} == {"memory"}


@pytest.mark.parametrize("mode", ["full", "none"])
def test_a_value_of_another_length_is_not_used(tiny_model: Model, mode: str) -> None:
    shelf = Shelf()
    generator = TransformersGenerator(tiny_model, "fp32", store=shelf)
    _, right = _events(generator, _request(recompute=mode))
    for key, kv in list(shelf.values.items()):
        keys, values = kv.keys[:, :, 1:], kv.values[:, :, 1:]
        shelf.values[key] = replace(kv, keys=keys, values=values, sentence_ends=(kv.tokens - 1,))
    started, done = _events(generator, _request(recompute=mode))
    assert done.text == right.text
    assert {part.tier for part in started.reuse} == {""}


@pytest.fixture
def redis_store() -> Iterator[tuple[RedisServer, TieredStore]]:
    with RedisServer(megabytes=64) as server:
        store = open_store(StoreOptions(memory_bytes=0, redis_url=server.url))
        assert store is not None
        with store:
            yield server, store


def test_answers_go_on_when_redis_stops_in_mid_run(
    tiny_model: Model, redis_store: tuple[RedisServer, TieredStore]
) -> None:
    server, store = redis_store
    generator = TransformersGenerator(tiny_model, "fp32", store=store)
    for mode in ("full", "first:4"):
        _, first = _events(generator, _request(recompute=mode))
        store.flush()
        started, found = _events(generator, _request(recompute=mode))
        assert {part.tier for part in started.reuse} == {"redis"}
        assert found.text == first.text
    server.stop()
    for mode in ("full", "first:4"):
        started, without = _events(generator, _request(recompute=mode))
        assert {part.tier for part in started.reuse} == {""}
        assert without.reason is not None


def test_a_store_that_is_too_small_changes_nothing(tiny_model: Model) -> None:
    store = open_store(StoreOptions(memory_bytes=1024))
    generator = TransformersGenerator(tiny_model, "fp32", store=store)
    _, plain = _events(generator, _request(reuse=False))
    for _ in range(2):
        started, done = _events(generator, _request())
        assert done.text == plain.text
        assert {part.tier for part in started.reuse} == {""}


@pytest.mark.models
def test_the_real_model_gives_the_same_bits_for_the_same_context(smol_model: Model) -> None:
    """In bfloat16: the logits of a prompt that is found, and of one that is read plainly."""
    import torch

    from skerry.core.timing import Timings
    from skerry.generation.plan import DEFAULTS
    from skerry.generation.reading import Reading
    from skerry.generation.reuse.splice import PassageReuse

    generator = TransformersGenerator(smol_model, "bf16")
    loaded = generator.loaded()
    reuse = PassageReuse(loaded, Shelf())
    prompt = loaded.prompting.fit("Who built Skerryvore?", SOURCES, 900)

    def read(with_reuse: PassageReuse | None) -> Reading:
        room = len(prompt.tokens) + 1
        return Reading(loaded, prompt, DEFAULTS, room, with_reuse, Deadline(60), Timings())

    plain, first = read(None), read(reuse)
    first.keep(reuse)
    again = read(reuse)
    assert again.cached_tokens == len(prompt.tokens) - len(prompt.tail)
    assert torch.equal(plain.logits, again.logits)
    assert (plain.logits - first.logits).abs().max() < 0.5

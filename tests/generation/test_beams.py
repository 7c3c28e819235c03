"""Answers with beams: events, alternatives, what they go with, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from skerry.core.deadline import Deadline
from skerry.core.errors import Cancelled, InvalidInput
from skerry.core.models.store import Model
from skerry.generation.base import (
    Citation,
    Delta,
    Event,
    FinishReason,
    GenerationRequest,
    Source,
    Started,
)
from skerry.generation.beams import BeamPlan
from skerry.generation.citations import cite
from skerry.generation.engine import TransformersGenerator
from skerry.generation.model import Run
from skerry.generation.plan import ContextPlan

from .events import completed
from .reuse.conftest import Shelf, make_model

FOUR = BeamPlan(4, 4, 2.0, 3)


@pytest.fixture
def request_(sources: tuple[Source, ...]) -> GenerationRequest:
    return GenerationRequest("Who built Skerryvore?", sources, max_tokens=12, beams=FOUR)


def _run(generator: TransformersGenerator, request: GenerationRequest) -> list[Event]:
    return list(generator.generate(request, Deadline(60)))


def test_the_best_answer_comes_as_one_piece_and_the_others_at_the_end(
    tiny_generator: TransformersGenerator, request_: GenerationRequest
) -> None:
    events = _run(tiny_generator, request_)
    done = completed(events)
    assert isinstance(events[0], Started)
    assert [event.text for event in events if isinstance(event, Delta)] == [done.text]
    assert done.score is not None
    scores = [done.score, *(other.score for other in done.alternatives)]
    assert scores == sorted(scores, reverse=True) and max(scores) < 0
    texts = {done.text, *(other.text for other in done.alternatives)}
    assert len(texts) == 1 + len(done.alternatives) == 3
    assert 0 < done.answer_tokens <= 12
    for text, cited in (
        (done.text, tuple(event for event in events if isinstance(event, Citation))),
        *((other.text, other.citations) for other in done.alternatives),
    ):
        assert cited == tuple(cite(text, request_.sources))
    assert {other.reason for other in done.alternatives} <= set(FinishReason)


def test_without_beams_nothing_is_said_of_scores(
    tiny_generator: TransformersGenerator, request_: GenerationRequest
) -> None:
    done = completed(_run(tiny_generator, replace(request_, beams=BeamPlan())))
    assert done.score is None and done.alternatives == ()


def test_the_first_group_finds_what_one_beam_finds(
    tiny_generator: TransformersGenerator, request_: GenerationRequest
) -> None:
    """No earlier group costs it anything."""
    greedy = completed(_run(tiny_generator, replace(request_, beams=BeamPlan()))).text
    done = completed(_run(tiny_generator, replace(request_, beams=BeamPlan(4, 4, 2.0, 4))))
    assert greedy in {done.text, *(other.text for other in done.alternatives)}


def test_a_beam_never_does_worse_than_greedy_on_the_whole(
    tiny_generator: TransformersGenerator, request_: GenerationRequest
) -> None:
    one, several = (
        completed(_run(tiny_generator, replace(request_, beams=plan))).score
        for plan in (BeamPlan(2, 2, 0.0), BeamPlan(8, 1))
    )
    assert one is not None and several is not None and several >= one - 1e-6


@pytest.mark.parametrize("recompute", ["full", "none", "first:4"])
def test_kept_passages_are_reused_and_kept(
    tmp_path: Path, request_: GenerationRequest, recompute: str
) -> None:
    shelf = Shelf()
    generator = TransformersGenerator(make_model(tmp_path, "llama"), "fp32", store=shelf)
    asked = replace(request_, context=ContextPlan(recompute=recompute))
    first = _run(generator, asked)
    kept = dict(shelf.values)
    second = _run(generator, asked)
    assert shelf.values == kept and kept
    assert isinstance(second[0], Started) and any(part.reused_tokens for part in second[0].reuse)
    texts = [
        [completed(events).text, *(other.text for other in completed(events).alternatives)]
        for events in (first, second)
    ]
    assert texts[0] == texts[1]


def test_another_family_and_half_precision(tmp_path: Path, request_: GenerationRequest) -> None:
    generator = TransformersGenerator(make_model(tmp_path, "qwen3"), "bf16")
    done = completed(_run(generator, request_))
    assert len(done.alternatives) == 2


def test_a_model_with_windows_refuses_before_it_reads(tmp_path: Path, request_: GenerationRequest) -> None:
    generator = TransformersGenerator(make_model(tmp_path, "gemma3"), "fp32")
    with pytest.raises(InvalidInput, match="window") as caught:
        next(iter(generator.generate(request_, Deadline(60))))
    assert caught.value.details["field"] == "beams"
    assert completed(_run(generator, replace(request_, beams=BeamPlan())))


def test_a_stop_string_ends_every_answer(
    tiny_generator: TransformersGenerator, request_: GenerationRequest
) -> None:
    text = completed(_run(tiny_generator, request_)).text
    stop = text[3:5]
    done = completed(_run(tiny_generator, replace(request_, stop=(stop,))))
    assert all(stop not in one for one in (done.text, *(other.text for other in done.alternatives)))


def test_cancelling_stops_before_the_next_token_and_frees_the_model(
    tiny_generator: TransformersGenerator, request_: GenerationRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline, steps, branch = Deadline(60), 0, Run.branch

    def counted(self: Run, *given: Any) -> object:
        nonlocal steps
        steps += 1
        if steps == 3:
            deadline.cancel()
        return branch(self, *given)

    monkeypatch.setattr(Run, "branch", counted)
    with pytest.raises(Cancelled, match="answering"):
        list(tiny_generator.generate(request_, deadline))
    assert steps == 3
    assert completed(_run(tiny_generator, request_))


def _bad() -> Iterator[tuple[str, dict[str, object]]]:
    for beams in (0, -1, 17, True, 2.0):
        yield "beams", {"beams": BeamPlan(beams)}  # type: ignore[arg-type]
    for groups in (0, 3, 5, -2):
        yield "beam_groups", {"beams": BeamPlan(4, groups)}
    for penalty in (-0.1, 101.0, float("nan"), float("inf")):
        yield "diversity_penalty", {"beams": BeamPlan(4, 2, penalty)}
    for answers in (0, 5, -1):
        yield "answers", {"beams": BeamPlan(4, 2, 0.5, answers)}
    yield "answers", {"beams": BeamPlan(answers=2)}
    for power in (-0.5, 4.5, float("nan")):
        yield "length_penalty", {"beams": BeamPlan(4, length_penalty=power)}
    yield "beams", {"beams": BeamPlan(16), "max_tokens": 1025}
    yield "temperature", {"temperature": 0.5}
    yield "selector", {"context": ContextPlan(selector="sentence")}
    yield "recompute_margin", {"context": ContextPlan(margin=0.1)}


@pytest.mark.parametrize(("field", "change"), list(_bad()), ids=repr)
def test_bad_input_is_refused_at_the_call(
    tiny_generator: TransformersGenerator, request_: GenerationRequest, field: str, change: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        tiny_generator.generate(replace(request_, **change), Deadline(60))  # type: ignore[arg-type]
    assert caught.value.details["field"] == field


def test_the_generators_own_selector_counts_too(tiny_model: Model, request_: GenerationRequest) -> None:
    generator = TransformersGenerator(tiny_model, "fp32", context=ContextPlan(selector="quest"))
    with pytest.raises(InvalidInput, match="'quest'"):
        generator.generate(request_, Deadline(60))
    full = replace(request_, context=ContextPlan(selector="full"))
    assert completed(_run(generator, full)).alternatives


@pytest.mark.models
def test_the_real_model_gives_different_answers(smol_model: Model) -> None:
    source = Source(
        "everest#0",
        "Mount Everest",
        "Mount Everest is the highest mountain on Earth. It was first climbed in 1953 by Edmund Hillary and "
        "Tenzing Norgay.",
    )
    generator = TransformersGenerator(smol_model)
    request = GenerationRequest(
        "In which year was Mount Everest first climbed?", (source,), beams=BeamPlan(4, 4, 3.0, 3)
    )
    done = completed(_run(generator, request))
    texts = [done.text, *(other.text for other in done.alternatives)]
    assert len(set(texts)) == 3 and any("1953" in text for text in texts)

"""Legs and fusions that cannot be said, and numbers that mean nothing."""

from __future__ import annotations

import inspect

import pytest

from skerry.core.errors import InvalidInput, NotFound
from skerry.protos.v1 import answer_pb2, corpus_pb2, generation_pb2, types_pb2
from skerry.retrieval.base import LegRequest, Option
from skerry.retrieval.corpusbrain.options import CorpusBrainOptions
from skerry.retrieval.index.leg import LEGS
from skerry.retrieval.seal.options import SealOptions
from skerry.retrieval.seal.scoring import SCORINGS
from skerry.services.convert.legs import fusion_of, leg, leg_of


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (LegRequest("splade"), NotFound),
        (LegRequest("kind"), NotFound),
        (LegRequest("bm25", options={"k1": 1.2}), InvalidInput),
        (LegRequest("dense", options={"ef_search": "many"}), InvalidInput),
        (LegRequest("seal", options={"scoring": "best"}), InvalidInput),
        (LegRequest("corpusbrain", options={"scoring": "lm"}), InvalidInput),
        (LegRequest("corpusbrain", options={"beams": 1.5}), InvalidInput),
        (LegRequest("corpusbrain", options={"groups": 2}), InvalidInput),
    ],
)
def test_legs_that_cannot_be_said(value: LegRequest, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        leg(value)


def test_numbers_of_nothing() -> None:
    with pytest.raises(InvalidInput):
        fusion_of(answer_pb2.AnswerOptions(fusion=77))  # type: ignore[arg-type]
    assert fusion_of(answer_pb2.AnswerOptions()) == "rrf"
    odd = types_pb2.Leg(seal=types_pb2.SealLeg(scoring=77))  # type: ignore[arg-type]
    assert leg_of(odd, "legs[0]").options == {"scoring": 77}
    assert generation_pb2.FinishReason.Name(0) == "FINISH_REASON_UNSPECIFIED"


def test_the_contract_has_all_that_the_seal_leg_knows() -> None:
    knobs = types_pb2.SealLeg.DESCRIPTOR
    with pytest.raises(InvalidInput) as caught:
        SealOptions.of({"no such knob": 1}, 1)
    assert all(f"{name} (" in caught.value.hint for name in knobs.fields_by_name)
    assert len(knobs.fields) == caught.value.hint.count(" (")
    scorings = {
        value.name.removeprefix("SCORING_").lower() for value in knobs.enum_types[0].values if value.number
    }
    assert scorings == set(SCORINGS)
    parameters = inspect.signature(LEGS.load("seal")).parameters
    assert list(corpus_pb2.SealIndex.DESCRIPTOR.fields_by_name) == list(parameters)


def test_the_contract_has_all_that_the_corpusbrain_leg_knows() -> None:
    knobs = types_pb2.CorpusBrainLeg.DESCRIPTOR
    with pytest.raises(InvalidInput) as caught:
        CorpusBrainOptions.of({"no such knob": 1})
    assert all(f"{name} (" in caught.value.hint for name in knobs.fields_by_name)
    assert len(knobs.fields) == caught.value.hint.count(" (")
    options: dict[str, Option] = {
        "beams": 3,
        "scoring": "length_normalised",
        "titles": 2,
        "pages": 4,
        "passage_weight": 0.5,
        "memory_share": 0.25,
    }
    request = LegRequest("corpusbrain", limit=7, weight=0.5, options=options)
    assert leg_of(leg(request), "legs[0]") == request
    for number in range(1, len(knobs.enum_types[0].values)):
        sent = types_pb2.Leg(corpusbrain=types_pb2.CorpusBrainLeg(scoring=number))  # type: ignore[arg-type]
        CorpusBrainOptions.of(leg_of(sent, "legs[0]").options)
    parameters = inspect.signature(LEGS.load("corpusbrain")).parameters
    assert list(corpus_pb2.CorpusBrainIndex.DESCRIPTOR.fields_by_name) == list(parameters)

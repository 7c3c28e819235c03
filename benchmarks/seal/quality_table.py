"""From lists to one table: SEAL alone and fused, beside the same without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from skerry.benchmarks.seal.lists import ListStore
from skerry.benchmarks.seal.quality import OWN, QualitySpec, Setting
from skerry.benchmarks.seal.scored import ABLATIONS
from skerry.core.progress import Progress
from skerry.evaluation.bootstrap import paired_p_value
from skerry.evaluation.gold import Record
from skerry.evaluation.predictions import provenance_of
from skerry.evaluation.scores import first_hit
from skerry.evaluation.table import Row, ScoreTable
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.fusion import FUSIONS, LegList

COMPARED = (1, 5)
"""Ranks at which a fusion with SEAL is tested against the same without."""


@dataclass(frozen=True, slots=True)
class Member:
    """One list of a fusion: whose, and by which scoring."""

    system: str
    scoring: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Line:
    """A row to be.

    Attributes:
        members: the lists; of several the fusion's is made.
        fusion: its name, "" for one list alone.
        base: the row without SEAL that it is compared with, "" for none.
    """

    name: str
    members: tuple[Member, ...]
    fusion: str = ""
    base: str = ""


def lines(spec: QualitySpec, weights: Sequence[float] = (1.0,)) -> Iterator[Line]:
    """The rows, those that others are compared with first."""
    others = tuple(Member(leg, OWN) for leg in spec.legs)
    for other in others:
        yield Line(other.system, (other,))
    if len(others) > 1:
        for fusion in FUSIONS:
            yield Line(_name(spec.legs, fusion), others, fusion)
    for setting in spec.settings:
        for scoring in spec.names(setting):
            name = f"seal, {setting.name}, {setting.beams} beams, {scoring}"
            yield Line(name, (Member(setting.system, scoring),))
            if scoring not in ABLATIONS:
                yield from _fused(name, setting, scoring, others, spec, weights)


def _fused(
    name: str,
    setting: Setting,
    scoring: str,
    others: tuple[Member, ...],
    spec: QualitySpec,
    weights: Sequence[float],
) -> Iterator[Line]:
    groups = [others] if others else []
    if len(others) > 1 and setting.beams == spec.most_beams:
        groups += [(other,) for other in others]
    for group in groups:
        legs = [member.system for member in group]
        for fusion in FUSIONS:
            base = legs[0] if len(legs) == 1 else _name(legs, fusion)
            for weight in weights:
                own = Member(setting.system, scoring, weight)
                shown = name if weight == 1 else f"{name}, weight {weight:g}"
                yield Line(_name([shown, *legs], fusion), (own, *group), fusion, base)


def _name(parts: Sequence[str], fusion: str) -> str:
    return f"{' + '.join(parts)}: {fusion}"


def quality_table(
    title: str,
    passages: PassageStore,
    questions: Sequence[Record],
    rows: Sequence[Line],
    store: ListStore,
    ks: Sequence[int],
    depth: int,
    progress: Progress,
) -> ScoreTable:
    """hit@k by gold paragraph, as `skerry eval run` counts it, and what SEAL adds to a fusion at hit@1 and 5.

    "+hit@k" is the difference to the same fusion of the same legs without SEAL, "p@k" its two-sided p-value
    under random swaps of the two, question by question.

    Args:
        title: what was measured on what.
        passages: of the index.
        questions: with gold.
        rows: from `lines`.
        store: has all their lists.
        ks: ranks, at most `depth`.
        depth: passages of a fused list.
        progress: counts questions.
    """
    ranks: dict[str, list[int]] = {line.name: [] for line in rows}
    with progress.task("scores", len(questions), "questions") as task:
        for question in questions:
            fused = {line.name: _list(question, line, store)[:depth] for line in rows}
            right = _right(question, passages, np.unique(np.concatenate(list(fused.values()))))
            for name, ordinals in fused.items():
                places = np.flatnonzero(np.isin(ordinals, right))
                ranks[name].append(int(places[0]) + 1 if len(places) else 0)
            task.advance()
    hits = {
        name: {k: [float(0 < rank <= k) for rank in of_one] for k in ks} for name, of_one in ranks.items()
    }
    compared = [k for k in COMPARED if k in ks]
    columns = [f"hit@{k}" for k in ks]
    if any(line.base for line in rows):
        columns += [name for k in compared for name in (f"+hit@{k}", f"p@{k}")]
    shown = [Row(line.name, _metrics(line, hits, compared)) for line in rows]
    return ScoreTable(f"{title}: {len(questions):,} questions, hit@k by gold paragraph", columns, shown)


def _metrics(
    line: Line, hits: Mapping[str, Mapping[int, Sequence[float]]], compared: Sequence[int]
) -> dict[str, float]:
    own = hits[line.name]
    values = {f"hit@{k}": sum(column) / len(column) for k, column in own.items()}
    if line.base:
        for k in compared:
            without = hits[line.base][k]
            values[f"+hit@{k}"] = values[f"hit@{k}"] - sum(without) / len(without)
            values[f"p@{k}"] = paired_p_value(own[k], without)
    return values


def _list(question: Record, line: Line, store: ListStore) -> np.ndarray:
    """The passages of a row, best first."""
    lists = []
    for member in line.members:
        ranked = store.found[question.id, member.system][member.scoring]
        lists.append(LegList(ranked.ordinals, ranked.scores, member.weight))
    return FUSIONS.load(line.fusion)(lists).ordinals if line.fusion else lists[0].ordinals


def _right(question: Record, passages: PassageStore, ordinals: np.ndarray) -> list[int]:
    """Those of the passages that are on a gold place."""
    found = passages.get_many(ordinals.tolist())
    return [
        ordinal
        for ordinal, passage in zip(ordinals.tolist(), found, strict=True)
        if first_hit(question, [provenance_of(passage, 0.0)])
    ]

"""KILT's scores of a guess file: downstream, retrieval, and downstream where retrieval is right.

The numbers are those of KILT's `eval_downstream.py` and `eval_retrieval.py`, to the last bit: sums in the
order of the gold file, divided once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from skerry.core.errors import InvalidInput
from skerry.evaluation.accuracy import accuracy
from skerry.evaluation.answers import best, gold_answers
from skerry.evaluation.evidence import Rank, evidence_sets, ranked_keys
from skerry.evaluation.exact_match import exact_match
from skerry.evaluation.f1 import f1
from skerry.evaluation.gold import Output, Record
from skerry.evaluation.precision import precision_at
from skerry.evaluation.r_precision import r_precision
from skerry.evaluation.recall import recall_at
from skerry.evaluation.rouge_l import rouge_l
from skerry.evaluation.success import success_at

PAGE = ("wikipedia_id",)
DEFAULT_KS = (1, 5, 10, 20)

_DOWNSTREAM = {"accuracy": accuracy, "em": exact_match, "f1": f1, "rougel": rouge_l}
_NAMED = 5


@dataclass(frozen=True, slots=True)
class KiltScores:
    """Averages over the gold questions, by KILT's own names, and the values they are the averages of.

    Attributes:
        questions: how many.
        downstream: accuracy, em, f1, rougel; empty where the guesses or the golds have no answers.
        kilt: KILT-accuracy, KILT-em, KILT-f1, KILT-rougel; empty likewise.
        retrieval: Rprec, precision@k, and for k > 1 recall@k and success_rate@k.
        extra: ids of guesses that no gold question has; they are left out.
        values: every metric's values, in the gold's order.
    """

    questions: int
    downstream: Mapping[str, float]
    kilt: Mapping[str, float]
    retrieval: Mapping[str, float]
    extra: tuple[str, ...] = ()
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict, repr=False)


def score(
    gold: Sequence[Record],
    guesses: Iterable[Record],
    *,
    ks: Sequence[int] = DEFAULT_KS,
    rank_keys: Sequence[str] = PAGE,
) -> KiltScores:
    """Score guesses, in any order, against the gold questions.

    Args:
        gold: at least one question, each with at least one output.
        guesses: each with exactly one output; read once, so that a stream of a large file will do.
        ks: ranks of precision, recall and success; positive.
        rank_keys: fields of the provenance that make two entries the same for the retrieval metrics. The
            KILT- metrics always go by page.

    Raises:
        InvalidInput: a gold id without a guess, an id twice, a guess without exactly one output, answers for
            some questions only, gold without outputs or without the rank keys, bad `ks` or `rank_keys`.
    """
    ks = checked_ks(ks)
    if not rank_keys or not all(rank_keys):
        raise InvalidInput(
            "There are no rank keys.", hint="Give at least one field name, such as wikipedia_id."
        )
    place = {record.id: i for i, record in enumerate(gold)}
    if len(place) != len(gold) or not gold:
        raise InvalidInput("The gold questions are none, or their ids are not unique.")
    extra: list[str] = []
    found: list[dict[str, float] | None] = [None] * len(gold)
    unanswered: list[str] = []
    without_gold: list[str] = []
    for guess in guesses:
        index = place.get(guess.id)
        if index is None:
            extra.append(guess.id)
            continue
        if found[index] is not None:
            raise InvalidInput(f"{guess.where}: the id {guess.id!r} was there before.")
        output = the_output(guess)
        row = retrieval_values(gold[index], output, ks, rank_keys)
        if output.answer is None:
            unanswered.append(guess.where)
        elif not gold_answers(gold[index].outputs):
            without_gold.append(gold[index].where)
        else:
            row |= downstream_values(gold[index], output)
        found[index] = row
    rows = _complete(gold, found)
    scorable = [row for row in rows if "em" in row]
    if scorable and len(scorable) < len(rows):
        if unanswered:
            raise InvalidInput(
                f"{unanswered[0]}: the guess has no answer, but others have.",
                hint="Give every guess an answer (an empty string counts as wrong), or none.",
            )
        raise InvalidInput(f"{without_gold[0]}: the gold question has no answer, but others have.")
    return _averages(rows, tuple(extra))


def checked_ks(ks: Sequence[int]) -> tuple[int, ...]:
    """`ks` sorted, each once. Raises `InvalidInput` for none, or for one below 1."""
    if not ks or min(ks) < 1:
        raise InvalidInput(
            f"The ranks are {list(ks)}.", hint="Give positive whole numbers, such as 1,5,10,20."
        )
    return tuple(sorted(set(ks)))


def the_output(guess: Record) -> Output:
    """The one output of a guess. Raises `InvalidInput` if it has none or several."""
    if len(guess.outputs) != 1:
        raise InvalidInput(
            f"{guess.where}: the guess has {len(guess.outputs)} outputs.",
            hint="A guess has exactly one, with one answer and one ranked provenance.",
        )
    return guess.outputs[0]


def retrieval_values(
    gold: Record, guess: Output, ks: Sequence[int], rank_keys: Sequence[str]
) -> dict[str, float]:
    """One question's Rprec, precision@k, recall@k and success_rate@k."""
    if not gold.outputs:
        raise InvalidInput(
            f"{gold.where}: the gold question has no output.",
            hint="A test file without answers cannot be scored; give the development set's gold file.",
        )
    ranked = ranked_keys(guess, rank_keys)
    values = {"Rprec": r_precision(ranked, gold, rank_keys)}
    rank = Rank(ranked, evidence_sets(gold, rank_keys))
    for k in ks:
        values[f"precision@{k}"] = precision_at(rank, k)
        if k > 1:
            values[f"recall@{k}"] = recall_at(rank, k)
            values[f"success_rate@{k}"] = success_at(rank, k)
    return values


def downstream_values(gold: Record, guess: Output) -> dict[str, float]:
    """One question's accuracy, em, f1 and rougel, and the same as KILT- where page R-precision is 1.

    An empty answer scores 0. Both need an answer.
    """
    prediction = (guess.answer or "").strip()
    golds = gold_answers(gold.outputs)
    right_pages = r_precision(ranked_keys(guess, PAGE), gold, PAGE) == 1
    values: dict[str, float] = {}
    for name, metric in _DOWNSTREAM.items():
        values[name] = best(metric, prediction, golds) if prediction else 0.0
        values[f"KILT-{name}"] = values[name] if right_pages else 0.0
    return values


def _complete(gold: Sequence[Record], found: Sequence[dict[str, float] | None]) -> list[dict[str, float]]:
    missing = [record.id for record, row in zip(gold, found, strict=True) if row is None]
    if missing:
        shown = ", ".join(missing[:_NAMED]) + (", ..." if len(missing) > _NAMED else "")
        raise InvalidInput(
            f"{len(missing)} of {len(gold)} gold questions have no prediction: {shown}.",
            hint="Predict every question of the gold file, or score against the part that was run.",
        )
    return [row for row in found if row is not None]


def _averages(rows: Sequence[dict[str, float]], extra: tuple[str, ...]) -> KiltScores:
    values = {name: tuple(row[name] for row in rows) for name in rows[0]}
    means = {name: sum(column) / len(rows) for name, column in values.items()}
    return KiltScores(
        questions=len(rows),
        downstream={name: means[name] for name in _DOWNSTREAM if name in means},
        kilt={f"KILT-{name}": means[f"KILT-{name}"] for name in _DOWNSTREAM if name in means},
        retrieval={name: mean for name, mean in means.items() if name == "Rprec" or "@" in name},
        extra=extra,
        values=values,
    )

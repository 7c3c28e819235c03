"""All questions through the services, and the KILT table of what came back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skerry.core.files import sha256_file
from skerry.core.progress import Progress
from skerry.evaluation.gold import read_gold
from skerry.evaluation.run import ANSWER, RANKED, RunSpec, run
from skerry.evaluation.scores import kilt_table
from skerry.evaluation.table import ScoreTable
from skerry.ranking.plan import RankPlan
from skerry.retrieval.base import LegRequest
from skerry.services.demo.prepare import LEGS, Prepared

if TYPE_CHECKING:
    from skerry.generation.base import Generator
    from skerry.ranking.ranked import RankingChain
    from skerry.retrieval.base import RetrievalChain

KS = (1, 5, 10, 20)
COLUMNS = (
    *(f"hit@{k}" for k in KS),
    "MRR",
    "Rprec",
    "recall@5",
    "recall@20",
    "em",
    "f1",
    "KILT-em",
    "KILT-f1",
)
SPEC = RunSpec(
    legs=tuple(LegRequest(name) for name in LEGS),
    ranking=RankPlan(depth=30),
    keep=50,
    passages=3,
    max_tokens=32,
)
_ROOMS = ("retrieval", "ranking", "generation")


@dataclass(frozen=True, slots=True)
class Parts:
    """Where the work is done: the services' clients, or the same parts in this process.

    `names` are JSON values that say which models they are.
    """

    chain: RetrievalChain
    rankers: RankingChain | None
    generator: Generator
    names: dict[str, Any]


def measure(
    prepared: Prepared, folder: Path, parts: Parts, progress: Progress, limit: int | None = None
) -> tuple[ScoreTable, Path]:
    """Predict the questions (what an earlier run with the same everything predicted is taken) and score them.

    Returns:
        The table of each leg, the fusion and the ranked list with its answers, and the predictions' folder.
    """
    parameters = {
        "index": prepared.manifest.result_hash,
        "gold": sha256_file(prepared.gold),
        "code": code_digest(),
        **parts.names,
    }
    key = hashlib.sha256(json.dumps([parameters, SPEC.parameters()], sort_keys=True).encode()).hexdigest()[
        :12
    ]
    questions = read_gold(prepared.gold, limit)
    files = run(
        questions,
        folder / "predictions" / key / "answers.jsonl",
        parts.chain,
        SPEC,
        parameters,
        rankers=parts.rankers,
        generator=parts.generator,
        progress=progress,
    )
    answered = files.pop(ANSWER)
    name = f"{SPEC.fusion} + answer" if parts.rankers is None else f"{RANKED} + answer"
    table = kilt_table("Python's language reference", questions, {**files, name: answered}, KS)
    return replace(table, columns=COLUMNS), answered.parent


def code_digest() -> str:
    """Hex digest of the code and weights that make predictions, so that none is scored that others made."""
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in _files(Path(str(import_module(f"skerry.{room}").__file__)).parent):
            digest.update(f"{room}/{path.name}:{sha256_file(path)}\n".encode())
    return digest.hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix in (".py", ".json", ".safetensors") and "training" not in path.parts:
            yield path

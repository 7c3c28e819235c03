"""Training of the neural rankers, on tiny pages and word vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from skerry.core.deadline import Deadline
from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput, NotFound
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.ranking import load_ranker
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.features.corpus_idf import corpus_idf
from skerry.ranking.features.featuriser import Encoded
from skerry.ranking.features.vectors import load_vectors
from skerry.ranking.neural import files
from skerry.ranking.neural.registry import MODELS
from skerry.ranking.objectives import OBJECTIVES
from skerry.ranking.training.examples import Example
from skerry.ranking.training.neural import NeuralTrainer, _average_precision
from skerry.ranking.training.neural_settings import Settings
from skerry.retrieval.index.reader import Index

from .tiny import write_vectors

SETTINGS = Settings(
    "knrm", document_terms=40, queries=4, hard=3, anywhere=1, epochs=3, check_every=3, learning_rate=1e-2
)


class Killed(BaseException):
    """The process is gone."""


class StopsAt(SilentProgress):
    """Ends the training after `steps` steps; keeps what is noted."""

    def __init__(self, steps: int) -> None:
        self.left, self.training, self.notes = steps, False, []  # type: ignore[var-annotated]

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[StopsAt]:  # type: ignore[override]
        self.training = name == "training"
        yield self

    def advance(self, amount: float = 1) -> None:
        self.left -= int(amount) if self.training else 0
        if self.left < 0:
            raise Killed

    def note(self, text: str) -> None:
        self.notes.append(text)

    def set_total(self, total: float) -> None:
        pass


class Trains:
    """Trainers into `out` of one index, and what they are trained with."""

    def __init__(self, vectors: Model, index: Index, examples: list[Example]) -> None:
        self.vectors, self.index, self.examples = vectors, index, examples

    def trainer(self, out: Path, settings: Settings = SETTINGS) -> NeuralTrainer:
        return NeuralTrainer(self.vectors, self.index.passages, out, settings, SilentProgress())

    def train(self, out: Path, settings: Settings = SETTINGS) -> NeuralTrainer:
        trainer = self.trainer(out, settings)
        trainer.train(self.examples, self.examples, 20, SilentProgress())
        return trainer

    def finished(self, out: Path, trainer: NeuralTrainer) -> bytes:
        trainer.finish(self.examples, 20, SilentProgress())
        return (out / files.WEIGHTS).read_bytes()


@pytest.fixture
def trains(vectors: Model, index: Index, examples: list[Example]) -> Trains:
    return Trains(vectors, index, examples)


@pytest.mark.parametrize("name", tuple(MODELS))
def test_every_model_from_questions_to_a_ranker(
    trains: Trains, store: ModelStore, tmp_path: Path, name: str
) -> None:
    trainer = trains.train(tmp_path, replace(SETTINGS, model=name, epochs=1))
    scores = trainer.finish(trains.examples, 20, SilentProgress())
    assert scores.questions == 10
    assert [look.step for look in trainer.curve] == [3, 5]
    assert sorted(path.name for path in tmp_path.iterdir()) == [files.CONFIG, files.WEIGHTS]
    ranker = load_ranker(name, store, tmp_path)
    # The ranker gives what the trainer was scored by: the same order of each question's candidates.
    right = 0
    for example in trains.examples[10:]:
        found = trains.index.passages.get_many(example.candidates)
        candidates = tuple(Candidate(p.title, p.text, -float(n)) for n, p in enumerate(found))
        [ranked] = ranker.score([RankRequest(example.question.query, candidates)], Deadline())
        best = example.candidates[int(np.argmax(ranked.raw))]
        right += best in example.question.relevant
    assert right / 10 == pytest.approx(scores.hit_at_1)


@pytest.mark.parametrize("objective", tuple(OBJECTIVES))
def test_every_objective_teaches(trains: Trains, tmp_path: Path, objective: str) -> None:
    trainer = trains.train(
        tmp_path, replace(SETTINGS, objective=objective, epochs=12, patience=100, learning_rate=5e-2)
    )
    assert trainer.curve[-1].loss < trainer.curve[0].loss


def test_killed_and_gone_on_with(trains: Trains, tmp_path: Path) -> None:
    settings = replace(SETTINGS, model="co-pacrr", learning_rate=1e-3)
    straight = trains.train(tmp_path / "straight", settings)
    expected = trains.finished(tmp_path / "straight", straight)
    out = tmp_path / "killed"
    for steps, kept in ((2, None), (7, 6), (8, 6)):
        trainer = trains.trainer(out, settings)
        with pytest.raises(Killed):
            trainer.train(trains.examples, trains.examples, 20, StopsAt(steps))
        assert (out / "checkpoint.pt").exists() == (kept is not None)
        if kept is not None:
            assert torch.load(out / "checkpoint.pt", weights_only=True)["state"]["step"] == kept
    trainer = trains.train(out, settings)
    assert trainer.curve == straight.curve
    assert trains.finished(out, trainer) == expected
    assert sorted(path.name for path in out.iterdir()) == [files.CONFIG, files.WEIGHTS]


def test_seeds(trains: Trains, tmp_path: Path) -> None:
    weights = [
        trains.finished(tmp_path / str(number), trains.train(tmp_path / str(number), settings))
        for number, settings in enumerate((SETTINGS, SETTINGS, replace(SETTINGS, seed=1)))
    ]
    assert weights[0] == weights[1] != weights[2]


def test_as_many_steps_and_looked_at_questions_as_asked_for(trains: Trains, tmp_path: Path) -> None:
    class Counts(NeuralTrainer):
        looked_at = 0

        def _look(self, taken: int, looked_at: Sequence[Encoded], truth: Sequence[NDArray[np.bool_]]) -> None:
            self.looked_at = len(looked_at)
            super()._look(taken, looked_at, truth)

    settings = replace(SETTINGS, epochs=50, patience=100, steps=7, looked_at=8)
    trainer = Counts(trains.vectors, trains.index.passages, tmp_path, settings, SilentProgress())
    trainer.train(trains.examples, trains.examples, 20, SilentProgress())
    assert [look.step for look in trainer.curve] == [3, 6, 7]
    assert trainer.looked_at == 7  # every third of twenty


def test_stops_when_it_learns_no_more(trains: Trains, tmp_path: Path) -> None:
    # With a learning rate of nothing the first look is the best.
    settings = replace(SETTINGS, learning_rate=1e-30, epochs=50, patience=2)
    trainer = trains.train(tmp_path, settings)
    assert [look.step for look in trainer.curve] == [3, 6, 9]
    # Called again, it has nothing left to do.
    again = trains.trainer(tmp_path, settings)
    again.train(trains.examples, trains.examples, 20, StopsAt(0))
    assert again.curve == trainer.curve


def test_the_best_weights_are_kept(trains: Trains, tmp_path: Path) -> None:
    class Worsens(NeuralTrainer):
        """Every look after the first sees a model that was spoilt."""

        def _look(self, *arguments: object) -> None:
            if self.curve:
                with torch.no_grad():
                    for parameter in self._model.parameters():
                        parameter.fill_(-1.0)
            super()._look(*arguments)  # type: ignore[arg-type]

    trainer = Worsens(trains.vectors, trains.index.passages, tmp_path, SETTINGS, SilentProgress())
    trainer.train(trains.examples, trains.examples, 20, SilentProgress())
    trainer.finish(trains.examples, 20, SilentProgress())
    config = files.load_config(tmp_path, "knrm")
    model, _ = files.load(tmp_path, config, load_vectors(trains.vectors))
    assert all((parameter != -1).any() for parameter in model.parameters())


def test_begins_from_another_ranker(trains: Trains, tmp_path: Path) -> None:
    first = replace(SETTINGS, options={"kernels": 5}, document_terms=30)
    trains.finished(tmp_path / "first", trains.train(tmp_path / "first", first))

    def begun(out: Path, model: str = "knrm") -> NeuralTrainer:
        settings = replace(SETTINGS, model=model, learning_rate=1e-30)
        return NeuralTrainer(
            trains.vectors, trains.index.passages, out, settings, SilentProgress(), tmp_path / "first"
        )

    trainer = begun(tmp_path / "second")
    trainer.train(trains.examples, trains.examples, 20, SilentProgress())
    # It learnt next to nothing: the weights are those of the first, and so are its sizes.
    assert trains.finished(tmp_path / "second", trainer) == (tmp_path / "first" / files.WEIGHTS).read_bytes()
    config = files.load_config(tmp_path / "second", "knrm")
    assert config.options == {"kernels": 5} and config.document_terms == 30
    with pytest.raises(InvalidInput, match="is 'knrm', not 'drmm'"):
        begun(tmp_path / "third", "drmm")
    with pytest.raises(InvalidInput, match="another run"):
        half = begun(tmp_path / "half")
        with suppress(Killed):
            half.train(trains.examples, trains.examples, 20, StopsAt(4))
        trains.train(tmp_path / "half", replace(first, learning_rate=1e-30))


def test_average_precision_by_hand() -> None:
    for ranked, expected in (
        ([False, True, False], 1 / 2),
        ([True, False, True], (1 + 2 / 3) / 2),
        ([False, False], 0.0),
        ([], 0.0),
    ):
        assert _average_precision(np.array(ranked, np.bool_)) == pytest.approx(expected)


def test_progress_shows_loss_and_rank(trains: Trains, tmp_path: Path) -> None:
    notes = StopsAt(10**6)
    trains.trainer(tmp_path).train(trains.examples, trains.examples, 20, notes)
    assert notes.notes[0].startswith("loss ")
    assert "average precision" not in notes.notes[0]
    assert "average precision 0." in notes.notes[-1] or "average precision 1." in notes.notes[-1]


def test_a_checkpoint_of_another_run(trains: Trains, store: ModelStore, tmp_path: Path) -> None:
    out = tmp_path / "half"
    with pytest.raises(Killed):
        trains.trainer(out).train(trains.examples, trains.examples, 20, StopsAt(4))
    for settings in (
        replace(SETTINGS, seed=1),
        replace(SETTINGS, objective="hinge"),
        replace(SETTINGS, options={"kernels": 11}),
        replace(SETTINGS, anywhere=2),
    ):
        with pytest.raises(InvalidInput, match=r"checkpoint\.pt is of another run"):
            trains.train(out, settings)
    for examples, held_out, depth in (
        (trains.examples[1:], trains.examples, 20),
        (trains.examples, trains.examples[2:], 20),
        (trains.examples, trains.examples, 5),
    ):
        with pytest.raises(InvalidInput, match="another run"):
            trains.trainer(out).train(examples, held_out, depth, SilentProgress())
    other = store.resolve(str(write_vectors(tmp_path / "other", seed=3)))
    with pytest.raises(InvalidInput, match="another run"):
        Trains(other, trains.index, trains.examples).train(out)
    trains.train(out)
    (out / "checkpoint.pt").write_bytes(b"PK\x03\x04 nonsense")
    with pytest.raises(IndexCorrupt, match=r"checkpoint\.pt cannot be read"):
        trains.train(out)


def test_too_few_questions(trains: Trains, tmp_path: Path) -> None:
    trainer = trains.trainer(tmp_path)
    for rows in ([], trains.examples[:3], [replace(example, negatives=(1,)) for example in trains.examples]):
        with pytest.raises(InvalidInput, match="usable questions; one step needs 4"):
            trainer.train(rows, trains.examples, 20, SilentProgress())
    for held_out in ([], trains.examples[:1]):
        with pytest.raises(InvalidInput, match="held-out"):
            trainer.train(trains.examples, held_out, 20, SilentProgress())
        with pytest.raises(InvalidInput, match="held-out"):
            trainer.finish(held_out, 20, SilentProgress())
    assert list(tmp_path.iterdir()) == []


def test_held_out_questions_for_which_nothing_was_found(trains: Trains, tmp_path: Path) -> None:
    nothing = replace(trains.examples[0], candidates=(), negatives=())
    held_out = [nothing, *trains.examples[2:6], nothing]
    trainer = trains.trainer(tmp_path)
    trainer.train(trains.examples, held_out, 20, SilentProgress())
    assert max(look.average_precision for look in trainer.curve) <= 2 / 3
    assert trainer.finish(held_out, 20, SilentProgress()).hit_at_5 <= 2 / 3


def test_names_and_folders_that_cannot_be(trains: Trains, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="drmm"):
        trains.trainer(tmp_path, replace(SETTINGS, model="dram"))
    with pytest.raises(NotFound, match="ranknet"):
        trains.trainer(tmp_path, replace(SETTINGS, objective="rank"))
    (tmp_path / "file").write_text("here already")
    with pytest.raises(BackendUnavailable, match="file"):
        trains.train(tmp_path / "file" / "out")


def test_idf_of_the_index(trains: Trains) -> None:
    vectors = load_vectors(trains.vectors)
    idf = corpus_idf(trains.index.passages, vectors, SilentProgress())
    total = len(trains.index.passages)
    everywhere, once = vectors.numbers(["people", "eels"])
    assert float(idf.of(torch.tensor(everywhere))) == pytest.approx(0, abs=1e-3)
    assert float(idf.of(torch.tensor(once))) == pytest.approx(np.log((total + 1) / 2))


def test_settings_are_plain_values() -> None:
    assert asdict(SETTINGS)["model"] == "knrm"

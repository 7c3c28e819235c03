"""The cross-encoder and its training, on a tiny encoder."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from skerry.core.deadline import Deadline
from skerry.core.errors import (
    BackendUnavailable,
    Cancelled,
    DeadlineExceeded,
    IndexCorrupt,
    InvalidInput,
    NotFound,
)
from skerry.core.models import low_rank
from skerry.core.models.store import Model, ModelStore
from skerry.core.progress import SilentProgress
from skerry.ranking import adapter, load_ranker
from skerry.ranking.base import Candidate, RankRequest
from skerry.ranking.cross_encoder import SHIPPED, CrossEncoder
from skerry.ranking.pair_network import PairNetwork, PairTokenizer, batches, passage_text
from skerry.ranking.training.cross_encoder import CrossEncoderTrainer, Settings
from skerry.ranking.training.examples import Example
from skerry.retrieval.index.reader import Index

from .tiny import ANIMALS, FOODS, PLACES, write_model


@pytest.fixture(scope="module")
def ranker(store: ModelStore, ranker_folder: Path) -> CrossEncoder:
    return CrossEncoder(store, ranker_folder, dtype="fp32")


def requests(count: int, seed: int = 0, longest: int = 120) -> list[RankRequest]:
    """Requests of 0 to 9 candidates."""
    rng = random.Random(seed)
    words = [*ANIMALS, *PLACES, *FOODS]
    return [
        RankRequest(
            f"what does the {rng.choice(ANIMALS)} eat?",
            tuple(
                Candidate(rng.choice(ANIMALS), " ".join(rng.choices(words, k=rng.randint(0, longest))))
                for _ in range(number % 10)
            ),
        )
        for number in range(count)
    ]


def test_no_candidates(ranker: CrossEncoder) -> None:
    assert ranker.score([], Deadline()) == []
    [nothing] = ranker.score([RankRequest("what?", ())], Deadline())
    assert nothing.raw.shape == nothing.calibrated.shape == (0,)
    assert nothing.raw.dtype == nothing.calibrated.dtype == np.float32


def test_together_as_one_at_a_time(ranker: CrossEncoder) -> None:
    asked = requests(14)
    together = ranker.score(asked, Deadline())
    assert [len(scores.raw) for scores in together] == [len(request.candidates) for request in asked]
    for request, scores in zip(asked, together, strict=True):
        [alone] = ranker.score([request], Deadline())
        np.testing.assert_allclose(scores.raw, alone.raw, atol=1e-5)
        np.testing.assert_allclose(scores.calibrated, 1 / (1 + np.exp(0.25 - 1.5 * scores.raw)), atol=1e-6)
    assert np.std(np.concatenate([scores.raw for scores in together])) > 1e-3


def test_a_repeated_candidate_has_one_score(ranker: CrossEncoder) -> None:
    [request] = requests(6)[5:]
    double = replace(request, candidates=(*request.candidates, *request.candidates))
    [scores] = ranker.score([double], Deadline())
    np.testing.assert_allclose(scores.raw[:5], scores.raw[5:], atol=1e-6)


def test_scores_are_those_of_the_adapted_network(
    ranker: CrossEncoder, ranker_folder: Path, base: Model, network: PairNetwork
) -> None:
    _, factors, head = adapter.load(ranker_folder)
    low_rank.attach(network.encoder, rank=4, seed=9)
    network.head.load_state_dict(head)
    with torch.no_grad():
        for name, parameter in network.encoder.named_parameters():
            layer, found, part = name.partition(".parametrizations.weight.0.")
            if found:
                parameter.copy_(factors[f"{layer}.low_rank_{part}"])
    tokenizer = PairTokenizer(base, 128)
    [request] = requests(10)[9:]
    query = tokenizer.tokens([request.query])[0]
    texts = tokenizer.tokens([passage_text(c.title, c.text) for c in request.candidates])
    expected = np.empty(len(texts), np.float32)
    with torch.no_grad():
        for rows, ids, mask, types in batches([tokenizer.pair(query, text) for text in texts]):
            expected[rows] = network(ids, mask, types).numpy()
    [scores] = ranker.score([request], Deadline())
    np.testing.assert_allclose(scores.raw, expected, atol=1e-5)


def test_precision_changes_little(store: ModelStore, ranker: CrossEncoder, ranker_folder: Path) -> None:
    short = CrossEncoder(store, ranker_folder, dtype="bf16")
    [request] = requests(10)[9:]
    [low], [full] = short.score([request], Deadline()), ranker.score([request], Deadline())
    np.testing.assert_allclose(low.raw, full.raw, atol=0.05)
    with pytest.raises(InvalidInput, match="fp8"):
        CrossEncoder(store, ranker_folder, dtype="fp8")


class GoesAway(Deadline):
    """The caller leaves at the check of number `at`."""

    def __init__(self, at: int) -> None:
        super().__init__()
        self.at, self.checks = at, 0

    def check(self, doing: str = "working") -> None:
        self.checks += 1
        if self.checks == self.at:
            self.cancel()
        super().check(doing)


def test_cancelled_between_batches(ranker: CrossEncoder) -> None:
    text = " ".join(ANIMALS * 20)
    request = RankRequest("what?", tuple(Candidate("", text) for _ in range(100)))
    deadline = GoesAway(at=3)
    with pytest.raises(Cancelled, match="ranking passages"):
        ranker.score([request], deadline)
    assert deadline.checks == 3
    whole = GoesAway(at=0)
    ranker.score([request], whole)
    assert whole.checks == 5


def test_cancelled_while_a_long_list_is_tokenised(ranker: CrossEncoder) -> None:
    request = RankRequest("what?", tuple(Candidate("", "a short text") for _ in range(2_000)))
    deadline = GoesAway(at=3)
    with pytest.raises(Cancelled, match="reading passages"):
        ranker.score([request], deadline)
    assert deadline.checks == 3


def test_a_deadline_that_has_passed(ranker: CrossEncoder) -> None:
    with pytest.raises(DeadlineExceeded, match="reading passages"):
        ranker.score(requests(3), Deadline(0))


@pytest.mark.parametrize(
    "request_", [RankRequest("\ud800", (Candidate("", "x"),)), RankRequest("x", (Candidate("", "a \udfff"),))]
)
def test_invalid_unicode(ranker: CrossEncoder, request_: RankRequest) -> None:
    with pytest.raises(InvalidInput, match="Unicode"):
        ranker.score([request_], Deadline())


def test_weights_of_another_base_model(store: ModelStore, ranker_folder: Path, tmp_path: Path) -> None:
    other = store.resolve(str(write_model(tmp_path / "other", seed=8)))
    shutil.copytree(ranker_folder, tmp_path / "ranker")
    fields = json.loads((tmp_path / "ranker" / adapter.CONFIG).read_text())
    trained_on = fields["base_weights_hash"]
    fields["base_model"] = str(other.folder)
    (tmp_path / "ranker" / adapter.CONFIG).write_text(json.dumps(fields))
    with pytest.raises(IndexCorrupt) as caught:
        CrossEncoder(store, tmp_path / "ranker")
    for part in (trained_on[:12], other.weights_hash[:12], str(other.folder), str(tmp_path / "ranker")):
        assert part in caught.value.message
    fields["base_model"] = str(tmp_path / "gone")
    (tmp_path / "ranker" / adapter.CONFIG).write_text(json.dumps(fields))
    with pytest.raises(NotFound, match="gone"):
        CrossEncoder(store, tmp_path / "ranker")


def test_a_tokenizer_that_changed(
    store: ModelStore, base: Model, ranker_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(base.folder, tmp_path / "base")
    text = (tmp_path / "base" / "tokenizer.json").read_text()
    (tmp_path / "base" / "tokenizer.json").write_text(text + "\n")
    shutil.copytree(ranker_folder, tmp_path / "ranker")
    fields = json.loads((tmp_path / "ranker" / adapter.CONFIG).read_text())
    (tmp_path / "ranker" / adapter.CONFIG).write_text(
        json.dumps(fields | {"base_model": str(tmp_path / "base")})
    )
    with pytest.raises(IndexCorrupt, match="tokenizer"):
        CrossEncoder(store, tmp_path / "ranker")


def test_by_name(store: ModelStore, ranker_folder: Path, ranker: CrossEncoder) -> None:
    loaded = load_ranker("cross-encoder", store, ranker_folder)
    assert loaded.name == "cross-encoder"
    assert isinstance(loaded, CrossEncoder)
    again = CrossEncoder(store, ranker_folder, dtype="fp32")
    for one, two in zip(
        ranker.score(requests(5), Deadline()), again.score(requests(5), Deadline()), strict=True
    ):
        assert np.array_equal(one.raw, two.raw)
    with pytest.raises(NotFound, match="cross-encoder"):
        load_ranker("crossencoder", store, ranker_folder)


SETTINGS = Settings(rank=4, queries=4, negatives=3, max_tokens=28, learning_rate=5e-3, checkpoint_every=3)


class Killed(BaseException):
    """The process is gone."""


class StopsAt(SilentProgress):
    """Ends the training after `steps` steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    @contextmanager
    def task(self, name: str, total: float | None = None, unit: str = "") -> Iterator[StopsAt]:  # type: ignore[override]
        yield self

    def advance(self, amount: float = 1) -> None:
        self.left -= int(amount)
        if self.left < 0:
            raise Killed

    def note(self, text: str) -> None:
        pass

    def set_total(self, total: float) -> None:
        pass


def finished(trainer: CrossEncoderTrainer, held_out: Sequence[Example], out: Path) -> bytes:
    """The bytes of the weights that a trained trainer writes."""
    trainer.finish(held_out, 20, SilentProgress())
    return (out / adapter.WEIGHTS).read_bytes()


class Notes(StopsAt):
    """Keeps the losses that are shown."""

    def __init__(self) -> None:
        super().__init__(10**6)
        self.losses: list[float] = []

    def note(self, text: str) -> None:
        self.losses.append(float(text.removeprefix("loss ")))


def test_learns_twenty_pairs_by_heart(
    store: ModelStore, index: Index, examples: list[Example], tmp_path: Path
) -> None:
    base = store.resolve(str(write_model(tmp_path / "base", init=0.2)))
    # Five questions of four candidates each, the relevant one last.
    few = [
        replace(e, candidates=(*e.negatives[:3], e.question.positive), negatives=e.negatives[:3])
        for e in examples[:10:2]
    ]
    settings = replace(SETTINGS, rank=8, queries=5, checkpoint_every=1000)
    trainer = CrossEncoderTrainer(base, index.passages, tmp_path / "out", settings)
    notes = Notes()
    trainer.train(few * 200, notes)
    assert len(notes.losses) == 200
    assert notes.losses[0] == pytest.approx(np.log(4), abs=0.05)
    assert notes.losses[-1] < 0.15
    scores = trainer.finish(few * 2, 20, SilentProgress())
    assert (scores.questions, scores.first_hit_at_1, scores.hit_at_1, scores.hit_at_5) == (5, 0, 1, 1)

    ranker = CrossEncoder(store, tmp_path / "out")
    for example in few:
        found = index.passages.get_many(example.candidates)
        request = RankRequest(example.question.query, tuple(Candidate(p.title, p.text) for p in found))
        [ranked] = ranker.score([request], Deadline())
        assert float(np.log(np.exp(ranked.raw - ranked.raw[3]).sum())) < 0.1
        assert ranked.calibrated.argmax() == 3


def test_killed_and_gone_on_with(base: Model, index: Index, examples: list[Example], tmp_path: Path) -> None:
    rows = examples * 2
    straight = CrossEncoderTrainer(base, index.passages, tmp_path / "straight", SETTINGS)
    straight.train(rows, SilentProgress())
    expected = finished(straight, examples, tmp_path / "straight")

    out = tmp_path / "killed"
    for steps, kept in ((2, None), (7, 6), (1, 6)):
        trainer = CrossEncoderTrainer(base, index.passages, out, SETTINGS)
        with pytest.raises(Killed):
            trainer.train(rows, StopsAt(steps))
        assert (out / "checkpoint.pt").exists() == (kept is not None)
        if kept is not None:
            assert torch.load(out / "checkpoint.pt", weights_only=True)["state"]["step"] == kept
    (out / ".checkpoint.pt.part").write_bytes(b"half")
    trainer = CrossEncoderTrainer(base, index.passages, out, SETTINGS)
    trainer.train(rows, SilentProgress())
    assert finished(trainer, examples, out) == expected
    assert sorted(path.name for path in out.iterdir()) == [adapter.WEIGHTS, adapter.CONFIG]


@pytest.fixture
def half_done(base: Model, index: Index, examples: list[Example], tmp_path: Path) -> Path:
    """A folder with the checkpoint of three steps."""
    trainer = CrossEncoderTrainer(base, index.passages, tmp_path / "half", SETTINGS)
    with pytest.raises(Killed):
        trainer.train(examples, StopsAt(3))
    return tmp_path / "half"


def test_a_checkpoint_of_another_run(
    base: Model, store: ModelStore, index: Index, examples: list[Example], half_done: Path
) -> None:
    def go_on(settings: Settings, rows: list[Example], model: Model) -> None:
        CrossEncoderTrainer(model, index.passages, half_done, settings).train(rows, SilentProgress())

    kept = (half_done / "checkpoint.pt").read_bytes()
    other = store.resolve(str(write_model(half_done.parent / "other", seed=4)))
    renamed = [replace(e, question=replace(e.question, query=e.question.query + "?")) for e in examples]
    for settings, rows, model in (
        (replace(SETTINGS, learning_rate=1e-4), examples, base),
        (replace(SETTINGS, rank=8), examples, base),
        (replace(SETTINGS, seed=1), examples, base),
        (SETTINGS, examples[:-1], base),
        (SETTINGS, renamed, base),
        (SETTINGS, examples, other),
    ):
        with pytest.raises(InvalidInput, match=r"checkpoint\.pt is of another run"):
            go_on(settings, rows, model)
    assert (half_done / "checkpoint.pt").read_bytes() == kept
    go_on(SETTINGS, examples, base)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nonsense", b"\x80\x02."])
def test_a_damaged_checkpoint(
    base: Model, index: Index, examples: list[Example], half_done: Path, data: bytes
) -> None:
    (half_done / "checkpoint.pt").write_bytes(data)
    with pytest.raises(IndexCorrupt, match=r"checkpoint\.pt cannot be read"):
        CrossEncoderTrainer(base, index.passages, half_done, SETTINGS).train(examples, SilentProgress())


def test_a_cut_checkpoint(base: Model, index: Index, examples: list[Example], half_done: Path) -> None:
    data = (half_done / "checkpoint.pt").read_bytes()
    for size in (100, len(data) // 2, len(data) - 1):
        (half_done / "checkpoint.pt").write_bytes(data[:size])
        with pytest.raises(IndexCorrupt, match=r"checkpoint\.pt cannot be read"):
            CrossEncoderTrainer(base, index.passages, half_done, SETTINGS).train(examples, SilentProgress())


def test_too_few_questions(base: Model, index: Index, examples: list[Example], tmp_path: Path) -> None:
    trainer = CrossEncoderTrainer(base, index.passages, tmp_path, SETTINGS)
    for rows in ([], examples[:3], [replace(example, negatives=(1, 2)) for example in examples]):
        with pytest.raises(InvalidInput, match="usable questions; one step needs 4"):
            trainer.train(rows, SilentProgress())
    for held_out in ([], examples[:1]):
        with pytest.raises(InvalidInput, match="held-out"):
            trainer.finish(held_out, 20, SilentProgress())
    assert list(tmp_path.iterdir()) == []


def test_held_out_questions_for_which_nothing_was_found(
    base: Model, index: Index, examples: list[Example], tmp_path: Path
) -> None:
    nothing = [replace(example, candidates=(), negatives=()) for example in examples[:2]]
    trainer = CrossEncoderTrainer(base, index.passages, tmp_path, SETTINGS)
    scores = trainer.finish([nothing[0], *examples[2:6], nothing[1]], 20, SilentProgress())
    assert scores.questions == 3
    assert scores.hit_at_5 <= 2 / 3
    with pytest.raises(InvalidInput, match="relevant and irrelevant"):
        trainer.finish(nothing, 20, SilentProgress())


def test_a_folder_that_cannot_be(base: Model, index: Index, examples: list[Example], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here already")
    trainer = CrossEncoderTrainer(base, index.passages, tmp_path / "file" / "out", SETTINGS)
    with pytest.raises(BackendUnavailable, match="file"):
        trainer.train(examples, SilentProgress())


@pytest.fixture(scope="module")
def shipped(models: ModelStore) -> CrossEncoder:
    if not (SHIPPED / adapter.CONFIG).is_file():
        pytest.skip(f"there are no shipped weights in {SHIPPED}")
    return CrossEncoder(models)


@pytest.mark.models
def test_the_shipped_ranker(shipped: CrossEncoder) -> None:
    good = "The Eiffel Tower is 330 metres tall, about the same height as an 81-storey building."
    near = "The Eiffel Tower was painted red until 1968, when it was given its present bronze colour."
    far = "Bread dough is left to rise for an hour before it goes into a hot oven."
    candidates = tuple(Candidate("", text) for text in (far, near, good))
    [scores] = shipped.score([RankRequest("How tall is the Eiffel Tower?", candidates)], Deadline())
    assert scores.raw[2] > scores.raw[1] > scores.raw[0]
    assert scores.calibrated[2] > 0.5 > scores.calibrated[0]

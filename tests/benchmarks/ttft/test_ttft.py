"""`skerry bench ttft` and its parts, over pages and a model made on the spot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from skerry.benchmarks.ttft.chain import PLAIN, REPEATED, Asked, answers
from skerry.benchmarks.ttft.kept import KeptPassages
from skerry.benchmarks.ttft.passages import make_cases
from skerry.benchmarks.ttft.peers.kinds import KINDS, Kind
from skerry.core.errors import BackendUnavailable, InvalidInput
from skerry.core.progress import SilentProgress
from skerry.evaluation.gold import read_gold
from skerry.generation.base import Source
from skerry.generation.engine import TransformersGenerator
from skerry.generation.plan import ContextPlan
from skerry.services.cli.bench import bench

from ...generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six pages of five paragraphs, a question about the third paragraph of each, a tiny model."""
    folder = tmp_path_factory.mktemp("ttft")
    pages, gold = [], []
    for number in range(6):
        texts = [f"Keeper {number}{part} lit lamp {part}." for part in "abcde"]
        pages.append(
            {
                "wikipedia_id": f"w{number}",
                "wikipedia_title": f"Rock {number}",
                "text": [f"Rock {number}", *texts],
            }
        )
        place = {"wikipedia_id": f"w{number}", "start_paragraph_id": 3, "end_paragraph_id": 3}
        output = [{"answer": f"keeper {number}c", "provenance": [place]}]
        gold.append({"id": f"q{number}", "input": f"Who lit lamp c of rock {number}?", "output": output})
    gold.append({"id": "q9", "input": "No answer?", "output": [{"provenance": [{"wikipedia_id": "w1"}]}]})
    for name, lines in (("pages", pages), ("gold", gold)):
        text = "\n".join(json.dumps(line) for line in lines)
        (folder / f"{name}.jsonl").write_text(text + "\n")
    make_tiny_model(folder / "model", context=2048)
    return folder


def _cases(folder: Path, limit: int, tokens: int) -> list[tuple[str, str, str, int]]:
    cases = make_cases(
        folder / "pages.jsonl",
        read_gold(folder / "gold.jsonl"),
        limit,
        tokens,
        lambda text: len(text.split()),
    )
    return [(case.question, case.answer, case.gold.text, len(case.distractors)) for case in cases]


def test_a_case_has_the_answer_its_neighbours_and_other_pages(folder: Path) -> None:
    for question, answer, text, others in _cases(folder, 6, 12):
        number = question[-2]
        assert answer == f"keeper {number}c"
        assert f"Keeper {number}c" in text
        assert len(text.split("\n")) == 2
        assert others == 5
    assert len(_cases(folder, 3, 12)) == 3
    assert all(len(text.split("\n")) == 5 for *_, text, _ in _cases(folder, 6, 1000))


def test_files_without_a_question_are_refused(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "gold.jsonl"
    empty.write_text((folder / "gold.jsonl").read_text().splitlines()[-1])
    with pytest.raises(InvalidInput, match="No question"):
        make_cases(folder / "pages.jsonl", read_gold(empty), 3, 10, len)


def _invoke(folder: Path, *options: str) -> Result:
    files = ["--knowledge", str(folder / "pages.jsonl"), "--gold", str(folder / "gold.jsonl")]
    model = ["--model", str(folder / "model"), "--dtype", "fp32"]
    return CliRunner().invoke(bench, ["ttft", *files, *model, "--quiet", "--threads", "1", *options])


def test_the_whole_command(folder: Path) -> None:
    options = (
        "--passages=2,4",
        "--kept=0,100",
        "--modes=none,last:4,full",
        "--passage-tokens=64",
        "--rounds=1",
    )
    result = _invoke(folder, *options, "--questions", "3:2", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    ways = [(one["passages"], one["way"], one["share"]) for one in report["times"]]
    assert len(ways) == len(set(ways)) == 2 * (2 + 3 * 2)
    assert all(one["seconds"] > 0 and one["faster"]["transformers"] > 0 for one in report["times"])
    losses = {one["way"]: one for one in report["losses"]}
    assert list(losses) == ["none", "last:4", "full"]
    assert abs(losses["full"]["change"]) < 1e-4 < abs(losses["none"]["change"])


@pytest.fixture
def constant_peer(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that always says token 0, and a peer named "constant" that says the same."""
    import torch
    from transformers import AutoModelForCausalLM

    weights = AutoModelForCausalLM.from_pretrained(folder / "model")
    with torch.no_grad():
        weights.lm_head.weight.zero_()
    make_tiny_model(tmp_path / "model", context=2048)
    weights.save_pretrained(tmp_path / "model")
    engine = tmp_path / "engine.py"
    engine.write_text("def load(settings):\n    return '1.2', lambda tokens: 0\n")
    monkeypatch.setitem(KINDS, "constant", Kind("json", "constant", str(engine), "folder"))
    return tmp_path / "model"


def test_a_peer_in_the_command(folder: Path, constant_peer: Path) -> None:
    options = ("--passages=2", "--kept=100", "--modes=none", "--rounds=2", "--questions=", "--peer=constant")
    result = _invoke(folder, *options, "--json", "--model", str(constant_peer))
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert list(report["peers"]) == ["transformers", "constant"]
    assert report["peers"]["constant"] == "1.2"
    times = {one["way"]: one for one in report["times"]}
    assert times["constant"]["same"] == times["constant"]["faster"]["constant"] == 1
    assert times["none"]["same"] is None
    for one in times.values():
        assert all(one["faster"][name] > 0 for name in ("transformers", "constant"))

    pytest.importorskip("matplotlib")
    picture = constant_peer / "times.png"
    result = _invoke(folder, *options, "--markdown", "--model", str(constant_peer), "--plot", str(picture))
    assert result.exit_code == 0, result.output
    assert "constant 1.2" in result.stdout
    assert "| times as fast as constant |" in result.stdout
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_peer_of_another_model(folder: Path, constant_peer: Path) -> None:
    result = _invoke(folder, "--passages=2", "--rounds=1", "--questions=", "--peer=constant")
    assert isinstance(result.exception, BackendUnavailable)
    assert "does not compute the same model" in str(result.exception)


def test_tables(folder: Path) -> None:
    result = _invoke(folder, "--rounds", "0", "--modes", "none", "--questions", "2:1", "--markdown")
    assert result.exit_code == 0, result.output
    assert "| 2 passages, none | 1 |" in result.stdout
    assert "first token" not in result.stdout


@pytest.mark.parametrize(
    "options",
    [
        ("--passages", "0"),
        ("--kept", "101"),
        ("--kept", "x"),
        ("--modes", "first"),
        ("--questions", "4"),
        ("--questions", "0:4"),
        ("--peer", "nobody"),
        ("--peer", "constant", "--rounds", "0"),
    ],
)
@pytest.mark.usefixtures("constant_peer")
def test_bad_options(folder: Path, options: tuple[str, ...]) -> None:
    result = _invoke(folder, *options)
    assert isinstance(result.exception, InvalidInput)


def test_answers_in_every_way(folder: Path) -> None:
    kept = KeptPassages()
    model = make_tiny_model(folder / "model", context=2048)
    generator = TransformersGenerator(model, "fp32", store=kept)
    sources = tuple(Source(f"p#{n}", f"Rock {n}", f"Keeper {n} lit the lamp.") for n in range(3))
    asked = [Asked("Who lit it?", {"keeper 1"}, sources), Asked("Who?", {"keeper 2"}, sources[::-1])]
    plans = [
        ("first:2", ContextPlan(recompute="first:2")),
        ("sure", ContextPlan(recompute="none", margin=1.0)),
    ]
    table = answers(generator, kept, asked, plans, 6, SilentProgress())
    rows = {row.name: row.metrics for row in table.rows}
    assert list(rows) == [PLAIN, "first:2", "sure", REPEATED]
    assert rows["sure"]["same answers"] == rows[REPEATED]["same answers"] == 1
    assert (rows["sure"]["computed again"], rows["first:2"]["computed again"]) == (1, 0)

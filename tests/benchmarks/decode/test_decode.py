"""skerry bench decode: contexts, sums, a small run with a random model."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
from click.testing import CliRunner
from transformers import AutoTokenizer

from skerry.benchmarks.decode.answers import Surprise
from skerry.benchmarks.decode.contexts import squad_contexts
from skerry.benchmarks.decode.ruler import Found
from skerry.benchmarks.decode.run import costs, scores
from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.prompting import Prompting
from skerry.services.cli.bench import bench

from ...generation.conftest import make_tiny_model  # noqa: TID252 -- the room's model

_PARAGRAPHS = [
    f"Light {number} was lit in {1700 + number}. It stands on rock {number}." for number in range(40)
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny_model(tmp_path_factory.mktemp("model"), context=2048).folder


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """KILT pages and questions on them."""
    folder = tmp_path_factory.mktemp("squad")
    knowledge, gold = folder / "pages.jsonl", folder / "gold.jsonl"
    page = {"wikipedia_id": "p", "wikipedia_title": "Lights", "text": ["Lights", *_PARAGRAPHS]}
    knowledge.write_text(json.dumps(page) + "\n")
    questions = [
        {
            "id": str(number),
            "input": f"When was light {number} lit?",
            "output": [
                {
                    "answer": str(1700 + number),
                    "provenance": [{"wikipedia_id": "p", "start_paragraph_id": number + 1}],
                }
            ],
        }
        for number in range(12)
    ]
    gold.write_text("".join(json.dumps(one) + "\n" for one in questions))
    return knowledge, gold


def test_contexts_hold_the_paragraphs_asked_for(model: Path, files: tuple[Path, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)

    def draw(seed: int) -> list[object]:
        return list(squad_contexts(*files, tokenizer, size=900, contexts=2, questions=3, seed=seed))

    contexts = list(squad_contexts(*files, tokenizer, size=900, contexts=2, questions=3, seed=1))
    assert draw(1) == contexts != draw(2)
    asked = set()
    for context in contexts:
        assert 600 < len(context.tokens) <= 900 - 192
        assert context.tokens[: len(Prompting(tokenizer).prefix)] == Prompting(tokenizer).prefix
        text = tokenizer.decode(context.tokens)
        for question in context.questions:
            [year] = question.outputs
            asked.add(year)
            assert f"was lit in {year}." in text
            assert tokenizer.decode(question.answer) == f'{year}"'
            assert f"light {int(year) - 1700} lit?" in tokenizer.decode(question.tail)
    assert len(asked) == 6


def test_too_small_or_too_many_contexts_are_refused(model: Path, files: tuple[Path, Path]) -> None:
    tokenizer = AutoTokenizer.from_pretrained(model)
    with pytest.raises(InvalidInput, match="questions on 12 paragraphs; 20 are asked for"):
        list(squad_contexts(*files, tokenizer, size=900, contexts=4, questions=5, seed=1))
    with pytest.raises(InvalidInput, match="do not fit in 330 tokens"):
        list(squad_contexts(*files, tokenizer, size=330, contexts=1, questions=6, seed=1))


def test_costs_are_beside_full_attention() -> None:
    nats = {"full": [2.0, 4.0, 1.0, 3.0], "sentence 64": [2.2, 4.0, 1.3, 3.0]}
    measured = [
        Surprise(method, place // 2, place % 2, value, 2)
        for method, values in nats.items()
        for place, value in enumerate(values)
    ]
    full, sentence = costs(measured)
    assert (full.change, full.error, full.questions) == (0, 0, 4)
    assert full.nats == pytest.approx(10 / 8)
    assert sentence.change == pytest.approx(0.05)
    assert sentence.error == pytest.approx(math.sqrt(2 * (0.05**2 + 0.05**2)) / 10)
    assert costs([]) == []


def test_scores_are_beside_full_attention() -> None:
    found = [
        Found("vt", 4096, "full", 1.0, 2.0, 3),
        Found("vt", 4096, "full", 0.0, 2.0, 3),
        Found("vt", 4096, "quest 64", 0.25, 3.0, 3),
        Found("vt", 4096, "quest 64", 0.0, 3.0, 3),
    ]
    _, quest = scores(found)
    assert (quest.share, quest.relative, quest.change, quest.prompts) == (0.125, 0.25, 0.5, 2)


def _run(model: Path, files: tuple[Path, Path], *more: str) -> str:
    arguments = ["decode", "--knowledge", str(files[0]), "--gold", str(files[1]), "--model", str(model)]
    arguments += ["--dtype", "fp32", "--quiet", "--selectors", "sentence,quest", "--budgets", "128"]
    done = CliRunner().invoke(bench, [*arguments, *more], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_small_run(model: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    prompt = {"input": "VAR A = 7. " * 40 + "What is A?", "answer_prefix": "It is", "outputs": ["7"]}
    for name in ("qa_1", "niah_multikey_2", "vt"):
        with gzip.open(tmp_path / f"{name}-512.jsonl.gz", "wt") as file:
            file.write(json.dumps(prompt) + "\n")
    picture = tmp_path / "decode.png"
    report = json.loads(
        _run(
            model,
            files,
            *("--lengths", "64,200", "--tokens", "3", "--size", "800", "--contexts", "1", "--questions", "2"),
            *("--through", "1", "--ruler", str(tmp_path), "--ruler-lengths", "512", "--prompts", "1"),
            *("--plot", str(picture), "--json"),
        )
    )
    methods = ["full", "sentence 128", "quest 128"]
    assert [(one["context"], one["method"]) for one in report["speeds"]] == [
        (length, method) for length in (64, 200) for method in ("transformers", "no selector", *methods)
    ]
    assert [one["method"] for one in report["answers"]] == methods
    assert [one["questions"] for one in report["through"]] == [1, 1, 1]
    assert len(report["ruler"]) == 9
    # The library's own way and the same attention behind the fused step: the same bits, so the same text.
    peer, plain = report["speeds"][:2]
    assert peer["nats"] == plain["nats"]
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_tables(model: Path, files: tuple[Path, Path]) -> None:
    shown = _run(
        model,
        files,
        "--lengths",
        "64",
        "--tokens",
        "2",
        "--size",
        "800",
        "--contexts",
        "1",
        "--questions",
        "1",
        "--markdown",
    )
    assert "times as fast as transformers" in shown
    assert "1 gold answers on contexts of 800 tokens" in shown
    assert "| sentence 128 |" in shown


def test_bad_input(model: Path, files: tuple[Path, Path], tmp_path: Path) -> None:
    arguments = ["decode", "--knowledge", str(files[0]), "--gold", str(files[1]), "--model", str(model)]
    for more, error in [
        (["--selectors", "sentance"], InvalidInput),
        (["--budgets", "0"], InvalidInput),
        (["--tokens", "0", "--contexts", "0", "--quiet", "--ruler", str(tmp_path)], NotFound),
    ]:
        done = CliRunner().invoke(bench, [*arguments, *more])
        assert isinstance(done.exception, error), done.exception

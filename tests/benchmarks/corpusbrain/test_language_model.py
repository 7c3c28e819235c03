"""Pages named by the real language model: an easy question's page comes first."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import CliRunner

from skerry.core.models.store import ModelStore
from skerry.services.cli.bench import bench
from skerry.services.cli.index import index as index_command

PAGES = ("Mount Everest", "Photosynthesis", "French Revolution")


def test_its_row_stands_behind_the_index(models: ModelStore, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    lines = [
        {
            "_id": str(n),
            "wikipedia_id": str(n),
            "wikipedia_title": title,
            "text": [title, f"{title} is known."],
        }
        for n, title in enumerate(PAGES)
    ]
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    gold = tmp_path / "gold.jsonl"
    provenance = {"wikipedia_id": "1", "title": PAGES[1], "start_paragraph_id": 1, "start_character": 0}
    question = "How do plants make sugar out of sunlight, which is called photosynthesis?"
    record = {"id": "q", "input": question, "output": [{"answer": "light", "provenance": [provenance]}]}
    gold.write_text(json.dumps(record) + "\n")
    made = CliRunner().invoke(
        index_command,
        ["build", "--corpus", str(corpus), "--format", "kilt", "--out", str(tmp_path / "index"), "--legs",
         "bm25", "--quiet"],
        catch_exceptions=False,
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    done = CliRunner().invoke(
        bench,
        ["corpusbrain", "--index", str(tmp_path / "index"), "--gold", str(gold), "--quiet", "--json",
         "--language-model", "shipped", "--language-model", "none"],
        catch_exceptions=False,
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    rows = json.loads(done.stdout)["systems"]
    assert list(rows) == [
        "bm25",
        "SmolLM2-135M-Instruct, SEAL's adapter: titles alone",
        "SmolLM2-135M-Instruct, no adapter: titles alone",
    ]
    with_adapter = rows["SmolLM2-135M-Instruct, SEAL's adapter: titles alone"]["metrics"]
    assert with_adapter["page Rprec"] == 1
    assert set(with_adapter) == {"page Rprec", "page hit@5", "ms"}

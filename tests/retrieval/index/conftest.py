"""Small corpora and small real indexes for the tests of this room."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

from skerry.core.models.store import ModelStore
from skerry.core.progress import SilentProgress
from skerry.retrieval.index.build import BuildOutcome, BuildSpec, run_build
from skerry.retrieval.index.engine import Engine, SerialEngine


def _acceptance(name: str, folder: Path) -> ModuleType:
    """A module of tests/acceptance, which are scripts and no package."""
    spec = spec_from_file_location(f"acceptance_{name}", folder / f"{name}.py")
    assert spec and spec.loader
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def write_kilt(repository: Path) -> Callable[..., Path]:
    """`write_kilt(path, pages, paragraphs=6, seed=0)`: a made-up KILT knowledge source."""
    function: Callable[..., Path] = _acceptance("synthetic", repository / "tests" / "acceptance").write_kilt
    return function


@pytest.fixture
def corpus(tmp_path: Path, write_kilt: Callable[..., Path]) -> Path:
    """60 pages, some 360 passages."""
    return write_kilt(tmp_path / "corpus.jsonl", 60)


Build = Callable[..., BuildOutcome]


@pytest.fixture
def build() -> Build:
    """`build(corpus, out, **spec)`: a small build in this process, bm25 only by default."""

    def run(
        corpus: Path,
        out: Path,
        *,
        engine: Engine | None = None,
        say: Callable[[str], None] = lambda _: None,
        models: ModelStore | None = None,
        **spec: object,
    ) -> BuildOutcome:
        settings = {"legs": ("bm25",), "shard_passages": 100, **spec}
        return run_build(
            BuildSpec(corpus, "kilt", **settings),  # type: ignore[arg-type]
            out,
            engine=engine or SerialEngine(),
            models=models or ModelStore(out / "no-models"),
            progress=SilentProgress(),
            say=say,
        )

    return run


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory, write_kilt: Callable[..., Path]) -> Path:
    """An index with two versions, the second in use; for `small_index` to copy."""
    folder = tmp_path_factory.mktemp("pristine")
    for seed in (1, 2):
        corpus = write_kilt(folder / f"corpus-{seed}.jsonl", 4, seed=seed)
        run_build(
            BuildSpec(corpus, "kilt", legs=("bm25",)),
            folder / "index",
            engine=SerialEngine(),
            models=ModelStore(folder / "no-models"),
            progress=SilentProgress(),
        )
    return folder / "index"


@pytest.fixture
def small_index(pristine: Path, tmp_path: Path) -> Path:
    """A copy of an index with two versions, to do with as one likes."""
    return Path(shutil.copytree(pristine, tmp_path / "index"))

"""Settings: one TOML file, overridden by `SKERRY_SECTION_KEY` variables, overridden by flags."""

from __future__ import annotations

import difflib
import os
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from skerry.core.errors import InvalidInput, NotFound
from skerry.generation.cache.store.open import DTYPES, StoreOptions
from skerry.generation.cache.store.url import without_password
from skerry.generation.plan import DEFAULTS, ContextPlan

MESSAGE_LIMIT = 16 * 1024 * 1024
"""Bytes of the largest message that a server takes or sends."""


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """How a server runs.

    Attributes:
        listen: host and port; port 0 takes a free one.
        workers: calls that each service works on at the same time.
        queue: calls that may wait for each service; more are refused with RESOURCE_EXHAUSTED.
        grace: seconds that calls in flight have to end after SIGTERM.
        log_format: "human" or "json", a line a request on stderr.
        ready_file: where the address is written once calls are answered; empty writes none.
    """

    listen: str = "127.0.0.1:50651"
    workers: int = 4
    queue: int = 32
    grace: float = 20.0
    log_format: str = "human"
    ready_file: str = ""


@dataclass(frozen=True, slots=True)
class CorpusSettings:
    """Where corpora are and how they are indexed.

    Attributes:
        index: folder of one index to serve, as the corpus "default".
        data: folder in which the corpus service keeps corpora; empty turns changes off.
        import_folder: folder below which `ImportDocuments` may read; empty turns it off.
        engine: "local" or "ray".
        workers: processes of a build; 0 means as many as there are processors.
    """

    index: str = ""
    data: str = ""
    import_folder: str = ""
    engine: str = "local"
    workers: int = 0


@dataclass(frozen=True, slots=True)
class RetrievalSettings:
    """`address`: a retrieval service elsewhere to be used instead of an index here."""

    address: str = ""


@dataclass(frozen=True, slots=True)
class RankingSettings:
    """The rankers.

    Attributes:
        address: a ranking service elsewhere, used instead of rankers here.
        ranker: NAME or NAME=FOLDER, what `skerry train ranker` left there; several with commas, among which
            requests choose, the first being the default.
    """

    address: str = ""
    ranker: str = "cross-encoder"


@dataclass(frozen=True, slots=True)
class GenerationSettings:
    """The generator.

    Attributes:
        address: a generation service elsewhere, used instead of a model here.
        model: catalogue name or folder.
        dtype: "auto", "bf16" or "fp32".
        threads: torch's threads; 0 leaves them as they are.
        reuse: "on" or "off": whether a request that says nothing uses again what is kept of passages.
        recompute, recompute_margin, selector, kv_budget, prefill: what it gets of these; see `ContextPlan`.
        cache: where passages' keys and values are kept: the section [generation.cache].
    """

    address: str = ""
    model: str = "SmolLM2-135M-Instruct"
    dtype: str = "auto"
    threads: int = 0
    reuse: str = "on"
    recompute: str = str(DEFAULTS.recompute)
    recompute_margin: float = float(DEFAULTS.margin or 0)
    selector: str = str(DEFAULTS.selector)
    kv_budget: int = int(DEFAULTS.budget or 0)
    prefill: str = str(DEFAULTS.prefill)
    cache: StoreOptions = field(default_factory=StoreOptions)

    def context(self) -> ContextPlan:
        """The plan of a request that says nothing. Its values are checked by who takes it."""
        return ContextPlan(
            reuse=self.reuse == "on",
            recompute=self.recompute,
            margin=self.recompute_margin,
            selector=self.selector,
            budget=self.kv_budget,
            prefill=self.prefill,
        )


@dataclass(frozen=True, slots=True)
class EmbeddingSettings:
    """The embedding model.

    Attributes:
        model: catalogue name or folder.
        dtype: "auto", "bf16" or "fp32".
        adapter: what is added to its weights: "none", "shipped" or a folder, as for the dense leg.
    """

    model: str = "all-MiniLM-L6-v2"
    dtype: str = "auto"
    adapter: str = "shipped"


@dataclass(frozen=True, slots=True)
class AnswerSettings:
    """What an answer request that says nothing gets.

    Attributes:
        retrieve_limit: hits fetched.
        rank_depth: hits that are ranked.
        cheap_ranker: the ranker that sorts them for the ranker; empty leaves them in the retrieval's order.
        strong_depth: how many of them the ranker reads; 0 means all.
        rank_margin: the lead at which the ranker stops reading; 0 never stops it.
        rank_reserve: the share of the time left that the ranker leaves to the generator; 0 lets it take all.
        passages: passages that the generator reads.
        max_tokens: of the answer.
        min_confidence: abstain below it; a negative number never abstains for that.
    """

    retrieve_limit: int = 50
    rank_depth: int = 50
    cheap_ranker: str = ""
    strong_depth: int = 0
    rank_margin: float = 0.0
    rank_reserve: float = 0.0
    passages: int = 5
    max_tokens: int = 64
    min_confidence: float = -1.0


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """`folder`: where models are kept; empty means the default store."""

    folder: str = ""


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, by section."""

    server: ServerSettings = field(default_factory=ServerSettings)
    corpus: CorpusSettings = field(default_factory=CorpusSettings)
    retrieval: RetrievalSettings = field(default_factory=RetrievalSettings)
    ranking: RankingSettings = field(default_factory=RankingSettings)
    generation: GenerationSettings = field(default_factory=GenerationSettings)
    embedding: EmbeddingSettings = field(default_factory=EmbeddingSettings)
    answer: AnswerSettings = field(default_factory=AnswerSettings)
    models: ModelSettings = field(default_factory=ModelSettings)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, and by "section.key" where each value came from ("default", a file, a variable, a flag)."""

    settings: Settings
    origins: Mapping[str, str]


def _sections(kind: Any, path: str = "") -> dict[str, Any]:
    """Every section below a class of settings, by its path; one that holds others comes before them."""
    found: dict[str, Any] = {}
    for name, below in typing.get_type_hints(kind).items():
        if is_dataclass(below):
            found |= {f"{path}{name}": below, **_sections(below, f"{path}{name}.")}
    return found


_SECTIONS: Mapping[str, Any] = _sections(Settings)
_CHOICES = {
    "server.log_format": ("human", "json"),
    "corpus.engine": ("local", "ray"),
    "generation.dtype": ("auto", "bf16", "fp32"),
    "generation.reuse": ("on", "off"),
    "generation.cache.dtype": DTYPES,
    "embedding.dtype": ("auto", "bf16", "fp32"),
}
_LEAST: Mapping[str, float] = {
    "server.workers": 1,
    "server.queue": 0,
    "server.grace": 0,
    "corpus.workers": 0,
    "generation.threads": 0,
    "generation.recompute_margin": 0,
    "generation.kv_budget": 1,
    "generation.cache.memory_bytes": 0,
    "generation.cache.redis_ttl": 0,
    "generation.cache.disk_bytes": 0,
    "answer.retrieve_limit": 1,
    "answer.rank_depth": 1,
    "answer.strong_depth": 0,
    "answer.rank_margin": 0,
    "answer.rank_reserve": 0,
    "answer.passages": 1,
    "answer.max_tokens": 1,
}


def keys() -> tuple[str, ...]:
    """Every setting as "section.key", in order."""
    return tuple(
        f"{section}.{f.name}"
        for section, kind in _SECTIONS.items()
        for f in fields(kind)
        if f"{section}.{f.name}" not in _SECTIONS
    )


def shown(settings: Settings) -> dict[str, Any]:
    """Every value by "section.key", in order, as it may be printed: without passwords."""
    values = {}
    for key in keys():
        value: Any = settings
        for name in key.split("."):
            value = getattr(value, name)
        values[key] = without_password(value) if key == "generation.cache.redis_url" else value
    return values


def load_settings(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Loaded:
    """The settings in force.

    Args:
        file: the TOML file; None reads the one that `SKERRY_CONFIG` names, if any.
        environment: variables; the process's own when None.
        flags: by "section.key"; None values are flags that were not given.

    Raises:
        NotFound: the file does not exist.
        InvalidInput: an unknown section or key (with the nearest known one), or a value that does not fit.
    """
    environment = os.environ if environment is None else environment
    if file is None and environment.get("SKERRY_CONFIG"):
        file = Path(environment["SKERRY_CONFIG"])
    values: dict[str, Any] = {}
    origins = dict.fromkeys(keys(), "default")

    def put(key: str, value: Any, origin: str) -> None:
        values[key] = _checked(key, value, origin)
        origins[key] = origin

    for key, value in ({} if file is None else _read(file)).items():
        put(key, value, str(file))
    for variable, key in _variables(environment).items():
        put(key, _from_text(key, environment[variable], variable), variable)
    for key, value in (flags or {}).items():
        if value is not None:
            _known(key, "flags")
            put(key, value, "flag")
    # From the innermost section outwards: each becomes a value of the one that holds it.
    for name, kind in reversed(list(_SECTIONS.items())):
        own = {k.rpartition(".")[2]: v for k, v in values.items() if k.rpartition(".")[0] == name}
        values[name] = kind(**own)
    return Loaded(Settings(**{k: v for k, v in values.items() if "." not in k}), origins)


def variable_of(key: str) -> str:
    """The environment variable that sets "section.key"."""
    return f"SKERRY_{key.replace('.', '_').upper()}"


def _read(file: Path) -> dict[str, Any]:
    try:
        tree = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError as error:
        raise NotFound(f"There is no configuration file {file}.", details={"path": str(file)}) from error
    except OSError as error:
        raise InvalidInput(f"The configuration file {file} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{file} is not valid TOML: {error}.", details={"path": str(file)}) from error
    flat: dict[str, Any] = {}
    waiting = list(tree.items())
    for section, body in waiting:
        if section not in _SECTIONS:
            raise _unknown(section, list(_SECTIONS), str(file), "section")
        if not isinstance(body, dict):
            raise InvalidInput(f"{file}: [{section}] is a section, not a value.", details={"field": section})
        for name, value in body.items():
            key = f"{section}.{name}"
            if key in _SECTIONS:
                waiting.append((key, value))
                continue
            _known(key, str(file))
            flat[key] = value
    return flat


def _variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Variable -> key. Names that begin with a section are ours: an unknown one among them is an error."""
    by_variable = {variable_of(key): key for key in keys()}
    found = {}
    for variable in sorted(environment):
        section = variable.removeprefix("SKERRY_").partition("_")[0].lower()
        if not variable.startswith("SKERRY_") or section not in _SECTIONS or variable == "SKERRY_MODELS":
            continue
        if variable not in by_variable:
            raise _unknown(variable, list(by_variable), "the environment", "setting")
        found[variable] = by_variable[variable]
    return found


def _known(key: str, where: str) -> None:
    if key not in keys():
        raise _unknown(key, list(keys()), where, "setting")


def _unknown(name: str, known: list[str], where: str, kind: str) -> InvalidInput:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return InvalidInput(
        f"There is no {kind} {name!r} (in {where}).",
        hint=f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(known)}.",
        details={"field": name},
    )


def _type(key: str) -> type:
    section, _, name = key.rpartition(".")
    kind: Any = typing.get_type_hints(_SECTIONS[section])[name]
    return typing.cast(type, kind if not isinstance(kind, types.UnionType) else kind.__args__[0])


def _from_text(key: str, text: str, variable: str) -> Any:
    kind = _type(key)
    try:
        return text if kind is str else kind(text)
    except ValueError as error:
        raise InvalidInput(
            f"{variable} is {text!r}; it must be {_article(kind)}.", details={"field": key}
        ) from error


def _checked(key: str, value: Any, origin: str) -> Any:
    kind: Any = _type(key)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise InvalidInput(
            f"{key} is {value!r} (from {origin}); it must be {_article(kind)}.", details={"field": key}
        )
    if key in _CHOICES and value not in _CHOICES[key]:
        raise InvalidInput(
            f"{key} is {value!r} (from {origin}); choose {', '.join(_CHOICES[key])}.", details={"field": key}
        )
    if key in _LEAST and not value >= _LEAST[key]:
        raise InvalidInput(
            f"{key} is {value!r} (from {origin}); it must be at least {_LEAST[key]:g}.",
            details={"field": key},
        )
    return value


def _article(kind: type) -> str:
    return {str: "a text", int: "a whole number", float: "a number"}[kind]

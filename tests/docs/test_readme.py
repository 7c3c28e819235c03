"""The documents are true: their Python runs, their commands exist, their links lead somewhere."""

from __future__ import annotations

import contextlib
import io
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .blocks import KNOWN_WORDS, Block, commands_of, matches, programs_of, read_blocks
from .check_commands import problem_of

_ROOT = Path(__file__).resolve().parents[2]
_DOCUMENTS = sorted(
    path.relative_to(_ROOT).as_posix() for path in (*_ROOT.glob("*.md"), *_ROOT.glob("docs/**/*.md"))
)
_PATIENCE_SECONDS = 240


class _Workplace:
    """Where one document's blocks run: a folder, a Python namespace, the commands that go on behind."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.namespace: dict[str, object] = {"__name__": "__main__"}
        self.behind: list[subprocess.Popen[bytes]] = []
        programs = Path(sys.executable).parent
        self.environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}

    def run_python(self, block: Block, name: str) -> str:
        # Blank lines in front, so that a traceback has the line of the document.
        code = compile("\n" * (block.line - 1) + block.text, name, "exec")
        printed = io.StringIO()
        with contextlib.chdir(self.folder), contextlib.redirect_stdout(printed):
            exec(code, self.namespace)
        return printed.getvalue()

    def run_command(self, text: str) -> str:
        text = text.strip()
        if text.endswith("&"):
            self.behind.append(
                subprocess.Popen(
                    ["/bin/sh", "-c", f"exec {text[:-1]}"], cwd=self.folder, env=self.environment
                )
            )
            return ""
        done = subprocess.run(
            ["/bin/sh", "-ec", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=_PATIENCE_SECONDS,
        )
        assert done.returncode == 0, f"`{text}` ended with {done.returncode}:\n{done.stderr}"
        return done.stdout

    def close(self) -> None:
        for process in self.behind:
            process.send_signal(signal.SIGTERM)
        for process in self.behind:
            process.wait(30)


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[_Workplace]:
    shared = _ROOT.parent / "shared"
    if shared.is_dir():
        (tmp_path / "shared").symlink_to(shared)
    place = _Workplace(tmp_path)
    yield place
    place.close()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", _DOCUMENTS)
def test_blocks_run(name: str, workplace: _Workplace, request: pytest.FixtureRequest) -> None:
    printed: str | None = None
    for block in read_blocks(_ROOT / name):
        where = f"{name}:{block.line}"
        if "models" in block.words:
            request.getfixturevalue("models")
        if block.language == "python":
            if "no-run" in block.words:
                compile(block.text, where, "exec")
                printed = None
            else:
                printed = workplace.run_python(block, name)
        elif block.language == "console" and "run" in block.words:
            printed = None
            for command in commands_of(block):
                out = workplace.run_command(command.text)
                if command.expected.strip():
                    assert matches(command.expected, out), f"{name}:{command.line} printed:\n{out}"
        elif block.language == "output":
            assert printed is not None, f"{where} follows nothing that ran"
            assert matches(block.text, printed), f"{where}: what ran before it printed:\n{printed}"


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_commands_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z]+):", (_ROOT / "Makefile").read_text(), re.MULTILINE))
    problems = []
    for block in read_blocks(_ROOT / name):
        if block.language not in ("console", "sh"):
            continue
        for command in commands_of(block):
            for program, *arguments in programs_of(command.text):
                problem = ""
                if program == "skerry":
                    problem = problem_of(arguments)
                elif program == "make":
                    unknown = [word for word in arguments if "=" not in word and word not in targets]
                    problem = f"make has no target {unknown[0]!r}" if unknown else ""
                if problem:
                    problems.append(f"{name}:{command.line}: {problem}")
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_fences_are_understood(name: str) -> None:
    text = (_ROOT / name).read_text(encoding="utf-8")
    assert text.count("\n```") + text.startswith("```") == 2 * len(read_blocks(_ROOT / name))
    for block in read_blocks(_ROOT / name):
        assert block.language in KNOWN_WORDS, f"{name}:{block.line}: unknown language {block.language!r}"
        unknown = block.words - KNOWN_WORDS[block.language]
        assert not unknown, f"{name}:{block.line}: unknown words {sorted(unknown)}"


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_links_lead_somewhere(name: str) -> None:
    document = _ROOT / name
    text = re.sub(r"```.*?```", "", document.read_text(encoding="utf-8"), flags=re.DOTALL)
    broken = [
        target
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
        if "://" not in target and not (document.parent / target).exists()
    ]
    assert not broken


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("models list --json", ""),
        ("models pull all-MiniLM-L6-v2 --from registry", ""),
        ("--help", ""),
        ("models pull --help", ""),
        ("models", "needs a command"),
        ("modles list", "no command 'modles'"),
        ("models pull", "needs"),
        ("models pull all --form hub", "--form"),
        ("models list extra", "takes no 'extra'"),
        ("index build --corpus a --format kilt --out b --engine spark", "spark"),
        ("index build --corpus a --format kilt --out b --workers many", "many"),
        ("index build --corpus a --format kilt", "needs"),
    ],
)
def test_the_check_of_commands_itself(line: str, problem: str) -> None:
    found = problem_of(line.split())
    assert problem in found if problem else found == "", found


def test_the_reading_of_blocks_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "# A\n```console run\n$ echo a \\\n    b | cat > /dev/null && skerry models list 2>err &\na\n```\n"
        "```python\nprint(1)\n```\n```output\n1 ...\n```\n"
    )
    console, python, output = read_blocks(path)
    (command,) = commands_of(console)
    assert command.expected == "a\n" and command.line == 3
    assert list(programs_of(command.text)) == [["echo", "a", "b"], ["cat"], ["skerry", "models", "list"]]
    assert (python.language, python.line, output.text) == ("python", 8, "1 ...\n")
    assert matches("1 ...\n", "1  anything\n") and matches("a ... b", "a b") and not matches("1", "12")


def test_the_running_of_blocks_itself(workplace: _Workplace) -> None:
    block = Block("python", frozenset(), "import os\nx = 2\nprint(os.getcwd())\n", 1)
    assert workplace.run_python(block, "a.md").strip() == str(workplace.folder)
    assert workplace.run_python(Block("python", frozenset(), "print(x)\n", 5), "a.md") == "2\n"
    assert workplace.run_command("skerry models list --json | head -c 1") == "["
    workplace.run_command("sleep 60 &")
    with pytest.raises(AssertionError, match="ended with 2"):
        workplace.run_command("skerry modles")
    with pytest.raises(ZeroDivisionError):
        workplace.run_python(Block("python", frozenset(), "1 / 0\n", 1), "a.md")


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_named_files_exist(name: str) -> None:
    text = (_ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    rooms = r"(?:core|kernels|retrieval|ranking|generation|evaluation|protos|services|tests|benchmarks)"
    paths = re.findall(rf"`({rooms}/[\w./-]*|[A-Z]\w+\.(?:md|txt)|\.\w+/)`", text)
    assert len(paths) > 10
    missing = [path for path in paths if "NAME" not in path and not (_ROOT / path).exists()]
    assert not missing

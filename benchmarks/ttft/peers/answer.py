"""The loop of a peer's process: a script for the peer's own Python; standard library only.

    python answer.py PEER_FILE SETTINGS

PEER_FILE has `load(settings)`, which returns the engine's version and a function from a prompt's token ids to
the first token's id: greedy, and with nothing kept of the prompts before. The first line that is written is
{"version": ...}. Then each line {"tokens": [...]} is answered with {"seconds": ..., "token": ...}, until the
input ends.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import time
from typing import Any, TextIO


def main() -> None:
    """Answer on the standard output that the process began with; what else is printed goes to the log."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        load = runpy.run_path(sys.argv[1])["load"]
        version, first_token = load(json.loads(sys.argv[2]))
        _write(out, {"version": version})
        for line in sys.stdin:
            tokens = json.loads(line)["tokens"]
            begun = time.perf_counter()
            token = first_token(tokens)
            _write(out, {"seconds": time.perf_counter() - begun, "token": token})


def _write(out: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main()

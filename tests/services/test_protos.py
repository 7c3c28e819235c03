"""The contract: generated code is current, and the .proto files are lint clean without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def test_generated_code_is_current(repository: Path) -> None:
    command = [sys.executable, str(repository / "protos" / "generate.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_lint(repository: Path) -> None:
    buf = Path(sys.executable).parent / "buf"
    if not buf.exists():
        pytest.skip("buf is not installed: it comes with the extra `dev`")
    subprocess.run([sys.executable, str(repository / "protos" / "generate.py"), "--include"], check=True)
    # No registry can be reached: what buf needs must be here.
    environment = {**os.environ, "https_proxy": "http://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    for arguments in (("lint",), ("format", "--diff", "--exit-code", "protos")):
        done = subprocess.run(
            [str(buf), *arguments],
            cwd=repository,
            capture_output=True,
            text=True,
            env=environment,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_every_knob_can_be_absent() -> None:
    from skerry.protos.v1 import answer_pb2, embedding_pb2, generation_pb2, types_pb2

    knobs = (
        types_pb2.SealLeg,
        types_pb2.CorpusBrainLeg,
        types_pb2.DenseLeg,
        answer_pb2.AnswerOptions,
        generation_pb2.GenerationOptions,
        embedding_pb2.EmbedOptions,
    )
    for message in knobs:
        for field in message.DESCRIPTOR.fields:
            assert field.has_presence or field.is_repeated, field.full_name


def test_every_response_has_timings() -> None:
    from skerry.protos.v1 import (
        answer_pb2,
        corpus_pb2,
        embedding_pb2,
        ranking_pb2,
        retrieval_pb2,
        server_pb2,
    )

    for module in (answer_pb2, corpus_pb2, embedding_pb2, ranking_pb2, retrieval_pb2, server_pb2):
        for service in module.DESCRIPTOR.services_by_name.values():
            for method in service.methods:
                names = {field.name for field in method.output_type.fields}
                ours = method.output_type.full_name.startswith("skerry.")
                assert not ours or {"timings", "completed", "started"} & names, method.full_name

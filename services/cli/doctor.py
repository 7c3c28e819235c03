"""`skerry doctor`: what this installation has, what is missing, and what to do about it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

_MARKS = {"ok": "ok", "absent": "-", "wrong": "WRONG"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def doctor(as_json: bool) -> None:
    """Say what this installation has and what is missing.

    Exit status 1 when something that the default chain needs is wrong; what is optional is only reported.
    """
    from skerry import __version__
    from skerry.core.models.store import ModelStore
    from skerry.services.doctor.examine import examine

    findings = []
    for finding in examine(ModelStore()):
        findings.append(finding)
        if not as_json:
            click.echo(f"{_MARKS[finding.state]:<6}{finding.name:<24}{finding.found}")
            if finding.fix:
                click.echo(f"{'':<6}{'':<24}-> {finding.fix}")
    wrong = [finding.name for finding in findings if finding.state == "wrong"]
    if as_json:
        report = {
            "skerry": __version__,
            "ok": not wrong,
            "findings": [asdict(finding) for finding in findings],
        }
        click.echo(json.dumps(report, indent=2))
    elif wrong:
        click.echo(f"Skerry {__version__} cannot run its default chain: {', '.join(wrong)}.", err=True)
    else:
        click.echo(f"Skerry {__version__} has all that its default chain needs.", err=True)
    if wrong:
        sys.exit(1)

"""Comparisons of rankers on several question sets, which `skerry eval rank --out` has left, in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from skerry.core.errors import InvalidInput, NotFound
from skerry.evaluation.rank.measures import JUDGED, PARAGRAPHS
from skerry.evaluation.rank.report import MILLISECONDS, PARAMETERS, p_value_of
from skerry.evaluation.table import Row, ScoreTable

_SIGNIFICANT = 0.05


def read_report(path: Path) -> dict[str, Any]:
    """What `skerry eval rank --out` wrote: {systems: {name: {metrics}}, baseline, ...}.

    Raises:
        NotFound: no such file.
        InvalidInput: something else.
    """
    try:
        report: dict[str, Any] = json.loads(path.read_bytes())
        for system in report["systems"].values():
            dict(system["metrics"])
        if not _shown(report):
            raise KeyError(f"{PARAGRAPHS[0]} or {JUDGED[0]} of {report['baseline']}")
    except FileNotFoundError as error:
        raise NotFound(f"There is no file {path}.", details={"path": str(path)}) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInput(
            f"{path} is no comparison of rankers ({type(error).__name__}: {error}).",
            hint="Give files that `skerry eval rank --out FILE` wrote.",
        ) from error
    return report


def side_by_side(reports: Mapping[str, Mapping[str, Any]]) -> ScoreTable:
    """A row a system, with the main metrics of each set under the set's name.

    `ms` is the median over the sets. A star stands where the set's first metric differs from that of its
    baseline by more than chance (p < 0.05, see `rank_table`).
    """
    columns = {name: _shown(report) for name, report in reports.items()}
    rows = []
    for system in dict.fromkeys(name for report in reports.values() for name in report["systems"]):
        metrics: dict[str, float] = {}
        starred, milliseconds = set(), []
        for name, report in reports.items():
            found = report["systems"].get(system, {"metrics": {}})["metrics"]
            shown = {measure: found[measure] for measure in columns[name] if measure in found}
            metrics |= {f"{name} {measure}": value for measure, value in shown.items()}
            if found.get(p_value_of(columns[name][0]), 1.0) < _SIGNIFICANT:
                starred.add(f"{name} {columns[name][0]}")
            milliseconds += [found[MILLISECONDS]] if MILLISECONDS in found else []
            metrics |= {PARAMETERS: found[PARAMETERS]} if PARAMETERS in found else {}
        if milliseconds:
            metrics[MILLISECONDS] = median(milliseconds)
        rows.append(Row(system, metrics, starred=frozenset(starred)))
    return ScoreTable(
        f"{len(reports)} question sets; *: differs from the set's first stage, p < {_SIGNIFICANT}",
        [*(f"{name} {one}" for name, some in columns.items() for one in some), MILLISECONDS, PARAMETERS],
        sorted(rows, key=lambda row: "," in row.name),  # what puts all together stands below all
        {MILLISECONDS: ".1f", PARAMETERS: ",.0f"},
    )


def _shown(report: Mapping[str, Any]) -> list[str]:
    baseline = report["systems"][report["baseline"]]["metrics"]
    return [measure for measure in (*PARAGRAPHS[:2], JUDGED[0]) if measure in baseline]

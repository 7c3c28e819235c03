"""Systems' orders to one table of metrics, cost and significance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from skerry.evaluation.bootstrap import interval, paired_p_value
from skerry.evaluation.rank.compare import Ordered
from skerry.evaluation.rank.measures import JUDGED, PARAGRAPHS, main_measure, measures
from skerry.evaluation.rank.pools import Pool
from skerry.evaluation.table import Row, ScoreTable

MILLISECONDS, PARAMETERS = "ms", "parameters"


def p_value_of(measure: str) -> str:
    """The column that says how likely a difference in a measure is chance."""
    return f"p ({measure})"


def rank_table(
    title: str,
    pools: Sequence[Pool],
    pages: Sequence[Sequence[str]],
    systems: Mapping[str, Ordered],
    baseline: str,
) -> ScoreTable:
    """A row a system.

    `ms` is for 100 candidates of a question. `p` is that of the first metric's mean difference from the
    system `baseline` under random swaps; 95% intervals of that metric are in the table's JSON.
    """
    judged = bool(pools[0].question.judgements)
    main = main_measure(judged)
    values = {
        name: [measures(pool, pages[row], system.orders[row]) for row, pool in enumerate(pools)]
        for name, system in systems.items()
    }
    of_main = {name: [row[main] for row in rows] for name, rows in values.items()}
    columns = JUDGED if judged else PARAGRAPHS
    rows = []
    for name, system in systems.items():
        metrics = {column: sum(row[column] for row in values[name]) / len(pools) for column in columns}
        if system.milliseconds is not None:
            metrics[MILLISECONDS] = system.milliseconds
        if system.parameters is not None:
            metrics[PARAMETERS] = system.parameters
        if name != baseline:
            metrics[p_value_of(main)] = paired_p_value(of_main[name], of_main[baseline])
        rows.append(Row(name, metrics, {main: interval(of_main[name])}))
    return ScoreTable(
        f"{title}: {len(pools):,} questions",
        [*columns, MILLISECONDS, PARAMETERS, p_value_of(main)],
        rows,
        {MILLISECONDS: ".1f", PARAMETERS: ",.0f", p_value_of(main): ".4f"},
    )

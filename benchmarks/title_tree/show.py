"""The report as text."""

from __future__ import annotations

from skerry.benchmarks.title_tree.run import Report

_MOST = 250_000_000
_MOST_FOR = 5_000_000


def lines(report: Report) -> list[str]:
    """For a terminal."""
    trees = (report.whole, report.sample, report.peer)
    build = report.build
    before = build["before_bytes"]
    times = report.whole.times
    rows = [
        ("bytes a title", [tree.size / tree.titles for tree in trees]),
        ("build from the names, s", [tree.build_s for tree in trees]),
        (f"children on a title's path, us ({times.path_children:,.1f})", [t.times.path_us for t in trees]),
        (f"   of the root, us ({times.root_children:,})", [t.times.root_us for t in trees]),
        (f"   of the widest, us ({times.widest_children:,.0f})", [t.times.widest_us for t in trees]),
        (f"walk of a title to its page, us ({times.walk_tokens:.1f})", [t.times.walk_us for t in trees]),
    ]
    per_title = report.whole.size / report.whole.titles
    return [
        f"{report.whole.titles:,} drawn titles (seed {report.seed}), {report.tokens:,} tokens: "
        f"{report.nodes:,} nodes, {report.whole.size:,} bytes, {per_title:.1f} a title",
        f"(goal: {_MOST // _MOST_FOR}, which is {_MOST // 10**6} MB for {_MOST_FOR:,}). All seconds are of "
        "processor time; in brackets, for all titles, how many.",
        "",
        f"{'':44}{'skerry':>12}{'skerry':>12}{'dicts':>12}",
        f"{'titles':44}" + "".join(f"{tree.titles:>12,}" for tree in trees),
        *(f"{name:44}" + "".join(f"{figure:>12,.2f}" for figure in figures) for name, figures in rows),
        "",
        "Every title asked for led to its page." if report.agree else "NOT EVERY TITLE LED TO ITS PAGE.",
        f"Built in a process of its own: names {build['names_s']:.1f} s, tree {build['build_s']:.1f} s; "
        f"{before / 1e6:,.0f} MB before,",
        f"at most {build['names_peak_bytes'] / 1e6:,.0f} MB when the names were there, "
        f"{build['peak_bytes'] / 1e6:,.0f} MB in all. Opened, every byte checked, in "
        f"{report.open_s * 1e3:.0f} ms.",
    ]

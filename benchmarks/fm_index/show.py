"""The report as text."""

from __future__ import annotations

from typing import Any

from skerry.benchmarks.fm_index.ours import BEAMS
from skerry.benchmarks.fm_index.run import Report, ratios


def lines(report: Report) -> list[str]:
    """For a terminal."""
    return [
        *_heading(report),
        "",
        *_table(report),
        "",
        *_verdict(report),
        "",
        *_densities(report),
        "",
        "Best 15 continuations by a language model's scores, us a row: "
        + ", ".join(f"{name} {seconds * 1e6:,.1f}" for name, seconds in report.top_s.items()),
        "",
        *_limit(report),
        "",
        *_memory(report),
    ]


def _heading(report: Report) -> list[str]:
    text = report.text
    return [
        f"{text['name']}: {text['tokens']:,} tokens, {text['passages']:,} passages",
        f"{text['ngrams']:,} n-grams of {text['length']} tokens as they stand in passages, {BEAMS} asked for "
        f"in a call; one thread, processor time; rows located every {report.locate_every}",
    ]


def _row(name: str, mine: float, other: float | None, *, size: bool = False) -> str:
    theirs = "-" if other is None else f"{other:,.2f}"
    ratio = ""
    if other and mine:
        ratio = f"{mine / other:.2f}" if size else f"{other / mine:,.1f}x"
    return f"{name:36}{mine:>12,.2f}{theirs:>14}{ratio:>10}"


def _table(report: Report) -> list[str]:
    text, ours, peer = report.text, report.ours, report.peer
    each = 1e6 / text["ngrams"]
    out = [f"{'':36}{'skerry':>12}{'sdsl-lite':>14}{'':>10}"]
    for step in range(text["length"]):
        rows, items = ours.occurrences[step] / text["ngrams"], ours.items[step] / text["ngrams"]
        theirs = (None, None) if peer is None else (peer["extend_s"][step], peer["continuations_s"][step])
        for name, mine, other in (
            (f"{step + 1:2} extend, us ({rows:,.1f} rows)", ours.extend_s[step], theirs[0]),
            (f"   continuations, us ({items:,.1f})", ours.continuations_s[step], theirs[1]),
        ):
            out.append(_row(name, mine * each, None if other is None else other * each))
    for name, first in (("all steps, us an n-gram", 0), ("   from the 2nd step", 1)):
        mine = sum(ours.extend_s[first:]) + sum(ours.continuations_s[first:])
        other = None if peer is None else sum(peer["extend_s"][first:]) + sum(peer["continuations_s"][first:])
        out.append(_row(name, mine * each, None if other is None else other * each))
    token = 1e9 / text["extracted"]
    for name, mine, key, unit, size in (
        ("build with suffix sort, s", ours.build_s, "build_s", 1.0, False),
        (f"locate {text['located']:,} rows, ms", ours.locate_s, "locate_s", 1e3, False),
        ("extract, ns a token", ours.extract_s, "extract_s", token, False),
        ("size, MB", ours.size, "bytes", 1e-6, True),
        ("   wavelet structure, MB", ours.tree, "tree_bytes", 1e-6, True),
        ("   located rows, MB", ours.samples, "sample_bytes", 1e-6, True),
    ):
        out.append(_row(name, mine * unit, None if peer is None else peer[key] * unit, size=size))
    return out


def _verdict(report: Report) -> list[str]:
    if report.peer is None:
        return [report.without] if report.without else ["Without the peer."]
    times = ratios(report)
    ours, peer = report.ours, report.peer
    first = _each(ours.first_s, ours.first_items)
    theirs = _each(peer["continuations_s"], peer["items"])
    same = "the same" if report.agree else "NOT THE SAME"
    return [
        f"Both found {same} occurrences, continuations and extracted tokens.",
        f"Goals: extend + continuations 5x ({times['extend_and_continuations']:.1f}x; "
        f"{times['extend_and_continuations_after_the_first']:.1f}x from the 2nd step), build 3x "
        f"({times['build']:.1f}x), size 0.8 ({times['size']:.2f}).",
        "The continuations of wide ranges are kept once they have been listed. Listed for the first time, ns",
        f"a continuation by step: {first} (sdsl-lite, which keeps nothing: {theirs}).",
    ]


def _each(seconds: list[float], items: list[int]) -> str:
    return " ".join(f"{s / max(n, 1) * 1e9:.0f}" for s, n in zip(seconds, items, strict=True))


def _densities(report: Report) -> list[str]:
    tokens, located = report.text["tokens"], report.text["located"]
    return [
        f"{'Locate every':>12}{'bytes a token':>16}{f'ms for {located:,} rows':>22}",
        *(
            f"{density:12}{figures['bytes'] / tokens:16.2f}{figures['seconds'] * 1e3:22.2f}"
            for density, figures in sorted(report.locate.items())
        ),
    ]


def _limit(report: Report) -> list[str]:
    """How far from what memory allows: one block of 64 bytes a rank, two ranks a level."""
    reads = {name: seconds * 1e9 for name, seconds in report.read_s.items()}
    ranks = 2 * report.code_length
    text: dict[str, Any] = report.text
    spent = sum(report.ours.extend_s[1:]) / text["ngrams"] / (text["length"] - 1) * 1e9
    each = spent / ranks
    return [
        f"The limit: a rank reads one line of 64 bytes, and an extension makes {ranks:.1f} (both ends, "
        f"{report.code_length:.1f} levels a token).",
        f"A read that waits for the one before costs {reads['index_dependent']:.1f} ns in a working set of "
        f"the levels' size and {reads['large_dependent']:.1f} ns in 256 MiB;",
        f"16 side by side cost {reads['index_together']:.1f} and {reads['large_together']:.1f} ns each.",
        f"An extension takes {spent:,.0f} ns, {each:.1f} ns a rank: {each / reads['index_together']:.1f} "
        f"times a read side by side, {each / reads['index_dependent']:.2f} times one that waits.",
    ]


def _memory(report: Report) -> list[str]:
    memory = report.memory
    own = memory["peak_bytes"] - memory["before_bytes"]
    return [
        f"Built in a process of its own: {memory['wall_s']:.2f} s ({memory['cpu_s']:.2f} s of processor), "
        f"{own / 1e6:,.0f} MB over the loaded text,",
        f"{own / memory['tokens']:.1f} bytes a token, of which the suffix sort's text and array are "
        f"{5 * report.width}. Opened in {memory['open_s'] * 1e3:.1f} ms.",
    ]

"""English abbreviations, by what a full stop after them means; lower case, without the last full stop."""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NEVER_LAST = _words("""
    mr mrs ms mx dr prof st ste rev fr hon gov sen rep pres gen col maj capt cpt cmdr lt sgt cpl pvt adm
    messrs mme mlle sra srta mt e.g i.e cf viz vs v ca c approx resp hr herr
""")
"""Never end a sentence."""

BEFORE_NUMBERS = _words("""
    no nos nr vol vols p pp fig figs eq ch chap sec art para op pt ref refs ed eds
    jan feb mar apr jun jul aug sep sept oct nov dec
""")
"""End a sentence unless a number follows."""

MAYBE_LAST = _words("""
    inc ltd co corp llc plc bros jr sr etc al dept univ assn assoc est ave blvd rd ph.d m.d b.a m.a b.sc m.sc
    b.c a.d b.c.e c.e a.m p.m u.s u.k u.n d.c ft
""")
"""End a sentence only when the next word is one of `STARTERS`."""

STARTERS = _words("""
    the a an in on at by for from with as after before during since until when while where if although though
    because however but and or so yet he she it they we i you this that these those there here his her its
    their our my some many most several few all both each every one two another other such according under
    over between among through despite once thus then also later today what who why how which no not
""")
"""Words that sentences often start with."""

"""English words that say nothing of what a passage is about.

No n-gram starts with one in training, and spans of a question that hold nothing else are no keys.
"""

from __future__ import annotations

_WORDS = (
    "a about after all also although an and any are as at be because been before being between both but "
    "by can could did do does done down during each either few for from had has have having he her here "
    "hers him his how however i if in into is it its itself just may me might more most much must my "
    "neither no nor not of off on once one only or other our ours out over own same she should since so "
    "some such than that the their theirs them themselves then there these they this those through to "
    "too under until up us very was we were what when where whether which while who whom whose why will "
    "with within without would you your "
)

FUNCTION_WORDS = frozenset(_WORDS.split())

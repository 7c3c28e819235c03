"""What a caller may ask of the SEAL leg, by the names that the gRPC contract has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skerry.core.errors import InvalidInput
from skerry.retrieval.base import Option
from skerry.retrieval.options import (
    check_option_names,
    choice_option,
    flag_option,
    integer_option,
    number_option,
)
from skerry.retrieval.seal.decoding.options import DecodingOptions
from skerry.retrieval.seal.scoring import ScoringOptions, default_options

_LEG = "seal"
_SCORINGS = ("balanced", "intersective", "lm_fm", "lm")
_KNOWN = {
    "beams": "whole number from 1 to 100",
    "scoring": "one of balanced, intersective, lm_fm, lm",
    "ngram_tokens": "whole number from 1 to 64",
    "titles": "true or false",
    "query_keys": "true or false",
    "groups": "a divisor of beams",
    "diversity": "number from 0 to 100",
    "title_tokens": "whole number from 2 to 64",
    "max_count": "whole number from 1 to 1000000",
    "candidates": "whole number from 1 to 100000",
    "evidence": "whole number from 0 to 1000",
    "title_weight": "number from 0 to 100",
    "query_weight": "number from 0 to 100",
    "token_weight": "number from 0 to 100",
    "power": "number from 0.1 to 10",
    "token_power": "number from 0.1 to 10",
    "query_tokens": "true or false",
    "repetition": "number from 0 to 1",
    "length_share": "number from 0 to 1",
    "smoothing": "number from 0.001 to 100",
}
_SMOOTHED_CORPUS = 100_000


@dataclass(frozen=True, slots=True)
class SealOptions:
    """The leg's knobs, checked.

    Attributes:
        decoding: how the language model is searched.
        scoring: a name in `SCORINGS`.
        weighing: how keys make scores.
        evidence: most pieces of evidence of a passage.
    """

    decoding: DecodingOptions
    scoring: str
    weighing: ScoringOptions
    evidence: int

    @classmethod
    def of(cls, options: Mapping[str, Option], tokens: int) -> SealOptions:
        """The options that a request gives, and the defaults for the rest, over a corpus of so many tokens.

        The paper adds 5 to every count, which is little beside the counts of a large corpus. In a small one
        it would make every n-gram look frequent and nothing would be found: there it is less in proportion.

        Raises:
            InvalidInput: an unknown option, or a value it cannot take.
        """
        check_option_names(_LEG, options, _KNOWN)

        def whole(name: str, default: int, low: int, high: int) -> int:
            return integer_option(_LEG, options, name, default=default, low=low, high=high)

        def number(name: str, default: float, low: float, high: float) -> float:
            return number_option(_LEG, options, name, default=default, low=low, high=high)

        beams = whole("beams", 15, 1, 100)
        groups = whole("groups", 1, 1, beams)
        if beams % groups:
            raise InvalidInput(
                f"seal.groups must divide seal.beams; got {groups} groups of {beams} beams.",
                details={"leg": _LEG, "option": "groups"},
            )
        decoding = DecodingOptions(
            beams=beams,
            length=whole("ngram_tokens", 10, 1, 64),
            title_length=whole("title_tokens", 15, 2, 64),
            titles=flag_option(_LEG, options, "titles", default=True),
            groups=groups,
            query_keys=200 if flag_option(_LEG, options, "query_keys", default=True) else 0,
            diversity=number("diversity", 0.5, 0.0, 100.0),
        )
        scoring = choice_option(_LEG, options, "scoring", default=_SCORINGS[0], choices=_SCORINGS)
        usual = default_options(scoring)
        weighing = ScoringOptions(
            max_count=whole("max_count", usual.max_count, 1, 1_000_000),
            candidates=whole("candidates", usual.candidates, 1, 100_000),
            unigrams=usual.unigrams,
            smoothing=number(
                "smoothing", max(0.001, usual.smoothing * min(1.0, tokens / _SMOOTHED_CORPUS)), 0.001, 100.0
            ),
            repetition=number("repetition", usual.repetition, 0.0, 1.0),
            power=number("power", usual.power, 0.1, 10.0),
            title_factor=number("title_weight", usual.title_factor, 0.0, 100.0),
            query_factor=number("query_weight", usual.query_factor, 0.0, 100.0),
            unigram_factor=number("token_weight", usual.unigram_factor, 0.0, 100.0),
            unigram_power=number("token_power", usual.unigram_power, 0.1, 10.0),
            length_share=number("length_share", usual.length_share, 0.0, 1.0),
            query_tokens=flag_option(_LEG, options, "query_tokens", default=usual.query_tokens),
        )
        return cls(
            decoding=decoding,
            scoring=scoring,
            weighing=weighing,
            evidence=whole("evidence", 20, 0, 1000),
        )

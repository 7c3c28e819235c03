"""What a caller may ask of the CorpusBrain leg, by the names that the gRPC contract has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from skerry.retrieval.base import Option
from skerry.retrieval.options import check_option_names, choice_option, integer_option, number_option

LEG = "corpusbrain"
MOST_BEAMS = 100
_SHARE = 0.7
_SCORINGS = ("log_probability", "length_normalised")
_KNOWN = {
    "beams": f"whole number from 1 to {MOST_BEAMS}",
    "scoring": "one of log_probability, length_normalised",
    "titles": "whole number from 1 to 5",
    "pages": "whole number from 1 to 1000",
    "passage_weight": "number from 0 to 100",
    "memory_share": "number from 0 to 1",
}


@dataclass(frozen=True, slots=True)
class CorpusBrainOptions:
    """The leg's knobs, checked.

    Attributes:
        beams: hypotheses that are kept at each step.
        length_normalised: a page's score is its log-probability by its tokens, not the log-probability.
        titles: most titles of one sequence.
        pages: most pages whose passages are given.
        passage_weight: of what the other legs say of a passage, beside its page's score.
        memory_share: of a probability in the first title, where the index has a page memory; the rest is the
            decoder's.
    """

    beams: int
    length_normalised: bool
    titles: int
    pages: int
    passage_weight: float
    memory_share: float

    @classmethod
    def of(cls, options: Mapping[str, Option]) -> CorpusBrainOptions:
        """The options that a request gives, and the defaults for the rest.

        Raises:
            InvalidInput: an unknown option, or a value it cannot take.
        """
        check_option_names(LEG, options, _KNOWN)
        beams = integer_option(LEG, options, "beams", default=10, low=1, high=MOST_BEAMS)
        scoring = choice_option(LEG, options, "scoring", default=_SCORINGS[0], choices=_SCORINGS)
        return cls(
            beams=beams,
            length_normalised=scoring == "length_normalised",
            titles=integer_option(LEG, options, "titles", default=1, low=1, high=5),
            pages=integer_option(LEG, options, "pages", default=beams, low=1, high=1000),
            passage_weight=number_option(LEG, options, "passage_weight", default=1.0, low=0.0, high=100.0),
            memory_share=number_option(LEG, options, "memory_share", default=_SHARE, low=0.0, high=1.0),
        )

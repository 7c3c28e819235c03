"""From a gold file to questions with the pages that answer them, as a title model learns from them."""

from __future__ import annotations

import random
from collections.abc import Sequence

from skerry.evaluation.evidence import ranked_keys
from skerry.evaluation.gold import Record
from skerry.retrieval.corpus.store import PassageStore
from skerry.retrieval.corpusbrain.training.questions import PageQuestion

_PAGE = ("wikipedia_id",)


def page_questions(records: Sequence[Record], passages: PassageStore) -> list[PageQuestion]:
    """The questions of which an output has all its pages in the index, with the first such output's pages.

    Blank questions, and those whose pages the index does not have, are left out.
    """
    ids = {page.id for page in passages.pages()}
    questions = []
    for record in records:
        found = [tuple(ranked_keys(output, _PAGE)) for output in record.outputs]
        pages = next((keys for keys in found if keys and ids.issuperset(keys)), None)
        if pages is not None and record.input.strip():
            questions.append(PageQuestion(record.input, pages))
    return questions


def split_questions(
    questions: Sequence[PageQuestion], share: float, seed: int
) -> tuple[list[PageQuestion], list[PageQuestion]]:
    """Training and held-out questions, both in an order drawn by `seed`; no first page has both."""
    pages = sorted({question.page_ids[0] for question in questions})
    rng = random.Random(seed)
    rng.shuffle(pages)
    held = set(pages[: round(share * len(pages))])
    order = list(questions)
    rng.shuffle(order)
    return (
        [question for question in order if question.page_ids[0] not in held],
        [question for question in order if question.page_ids[0] in held],
    )

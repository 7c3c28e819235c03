"""Readers of BEIR's questions (`queries.jsonl`) and relevance judgements (`qrels.tsv`)."""

from __future__ import annotations

from pathlib import Path

from skerry.core.errors import InvalidInput, NotFound
from skerry.evaluation.gold import Record, parse_object
from skerry.retrieval.corpus.readers.lines import LineSource

_HEADER = "query-id"


def read_queries(path: Path) -> dict[str, Record]:
    """Questions by id, in order. Raises `NotFound`, or `InvalidInput` that names file and line."""
    if not path.is_file():
        raise NotFound(f"There is no file of questions {path}.", details={"path": str(path)})
    questions: dict[str, Record] = {}
    with LineSource(path) as lines:
        for number, line in lines:
            where = f"{path}:{number}"
            record = parse_object(line, where)
            question, text = record.get("_id"), record.get("text")
            if not isinstance(question, str) or not question.strip() or not isinstance(text, str):
                raise InvalidInput(
                    f"{where}: the question has no _id or no text.",
                    hint="A line of a BEIR question file is an object with the strings _id and text.",
                )
            question = question.strip()
            if question in questions:
                raise InvalidInput(f"{where}: the id {question!r} was in {questions[question].where} before.")
            questions[question] = Record(question, question, text, (), where)
    return questions


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Question id -> document id -> relevance, in order, of tab-separated lines, a header or none.

    Raises:
        NotFound: no such file.
        InvalidInput: naming file and line: not three fields, a relevance that is no whole number, a pair
            twice; or a file without judgements.
    """
    if not path.is_file():
        raise NotFound(f"There is no file of judgements {path}.", details={"path": str(path)})
    qrels: dict[str, dict[str, int]] = {}
    with LineSource(path) as lines:
        for number, line in lines:
            where = f"{path}:{number}"
            try:
                fields = line.decode().split("\t")
            except UnicodeDecodeError as error:
                raise InvalidInput(
                    f"{where}: byte {error.start + 1} of the line is not valid UTF-8."
                ) from error
            if number == 1 and fields[0] == _HEADER:
                continue
            if len(fields) != 3:
                raise InvalidInput(
                    f"{where}: {len(fields)} fields instead of 3.",
                    hint="A line is question id, document id and relevance, with tabs between.",
                )
            question, document, relevance = (value.strip() for value in fields)
            try:
                gain = int(relevance)
            except ValueError as error:
                raise InvalidInput(f"{where}: the relevance {relevance!r} is no whole number.") from error
            judgements = qrels.setdefault(question, {})
            if document in judgements:
                raise InvalidInput(f"{where}: {document!r} is judged twice for the question {question!r}.")
            judgements[document] = gain
    if not qrels:
        raise InvalidInput(f"{path} has no judgements.")
    return qrels


def judged_questions(
    queries: dict[str, Record], qrels: dict[str, dict[str, int]], path: Path
) -> list[Record]:
    """The questions that have judgements, in the order of the questions.

    Raises:
        InvalidInput: judgements of a question that is not in the file `path`.
    """
    unknown = [question for question in qrels if question not in queries]
    if unknown:
        raise InvalidInput(f"The question {unknown[0]!r} has judgements but is not in {path}.")
    return [record for question, record in queries.items() if question in qrels]

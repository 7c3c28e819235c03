"""A KILT knowledge source of any size, made of pseudo-random prose: the same for the same arguments."""

from __future__ import annotations

import json
import random
from pathlib import Path

_SYLLABLES = [
    "ka",
    "ro",
    "mi",
    "te",
    "su",
    "la",
    "ne",
    "pho",
    "dri",
    "va",
    "lo",
    "che",
    "bu",
    "ster",
    "in",
    "ga",
    "mor",
    "wy",
]


def write_kilt(path: Path, pages: int, *, paragraphs: int = 6, seed: int = 0) -> Path:
    """Write `pages` pages of `paragraphs` paragraphs (about 80 words each) to `path`, a page a line."""
    with path.open("w", encoding="utf-8") as file:
        for number in range(pages):
            source = random.Random(seed * 1_000_003 + number)
            title = f"{_word(source).capitalize()} {number}"
            text = [title, *(_paragraph(source) for _ in range(paragraphs))]
            text.insert(1 + paragraphs // 2, "Section::::History.")
            page = {
                "_id": f"p{number}",
                "wikipedia_id": f"p{number}",
                "wikipedia_title": title,
                "text": text,
                "anchors": [],
                "categories": "",
            }
            file.write(json.dumps(page) + "\n")
    return path


def _paragraph(source: random.Random) -> str:
    return " ".join(
        " ".join(_word(source) for _ in range(source.randint(8, 16))).capitalize() + "."
        for _ in range(source.randint(5, 9))
    )


def _word(source: random.Random) -> str:
    return "".join(source.choice(_SYLLABLES) for _ in range(source.randint(1, 3)))

"""Passages in the words of a language model: the tokens that the FM-index holds and the model generates."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING

from skerry.core.errors import IndexCorrupt, InvalidInput
from skerry.core.importing import import_whole
from skerry.core.models.store import Model

if TYPE_CHECKING:
    from tokenizers import Tokenizer


class Vocabulary:
    """A language model's own tokenizer, as SEAL uses it.

    A passage is its title's tokens, `title_end`, and its text's tokens; title and text are tokenised as they
    would stand in the middle of a sentence, after a space. Special tokens written out in a text are plain
    text.

    Attributes:
        size: how many token ids the tokenizer has; a model may have more logits.
        title_end: the model's end-of-text token, which no text contains.
        hash: of the tokenizer's files.
    """

    def __init__(self, tokenizer: Tokenizer, title_end: int, tokenizer_hash: str) -> None:
        tokenizer.encode_special_tokens = True
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size(with_added_tokens=True)
        self.title_end = title_end
        self.hash = tokenizer_hash

    @classmethod
    def load(cls, model: Model) -> Vocabulary:
        """The vocabulary of a model's folder.

        Raises:
            InvalidInput: a tokenizer without an end-of-text token, or one that does not run natively.
            IndexCorrupt: no tokenizer, or a damaged one.
        """
        found = _tokenizer_file(model.folder)
        if found is not None:
            return cls(*found, model.tokenizer_hash)
        transformers = import_whole("transformers")
        try:
            loaded = transformers.AutoTokenizer.from_pretrained(model.folder, local_files_only=True)
        except (OSError, ValueError, LookupError, TypeError) as error:
            reason = shorten(f"{type(error).__name__}: {error}", 200, placeholder=" ...").rstrip(".")
            raise IndexCorrupt(
                f"The tokenizer in {model.folder} cannot be loaded: {reason}.",
                hint="SEAL needs the model's tokenizer.json and tokenizer_config.json.",
                details={"model": model.name, "path": str(model.folder)},
            ) from error
        if loaded.eos_token_id is None or not loaded.is_fast:
            raise InvalidInput(
                f"The tokenizer of {model.name} has no end-of-text token or no tokenizer.json.",
                hint="SEAL needs a language model with a fast tokenizer.",
                details={"model": model.name},
            )
        return cls(loaded.backend_tokenizer, int(loaded.eos_token_id), model.tokenizer_hash)

    def encode(self, text: str) -> list[int]:
        """Token ids of `text` as it stands, without special tokens."""
        return list(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def words(self, text: str) -> list[int]:
        """Token ids of `text` as it stands in the middle of a passage."""
        return self.encode(_spaced(text))

    def passage(self, title: str, text: str) -> list[int]:
        """Token ids of a passage: title, `title_end`, text."""
        return self.passages([(title, text)])[0]

    def passages(self, passages: Iterable[tuple[str, str]]) -> list[list[int]]:
        """Token ids of many passages, given as (title, text)."""
        texts = [_spaced(part) for passage in passages for part in passage]
        ids = [e.ids for e in self._tokenizer.encode_batch(texts, add_special_tokens=False)]
        return [[*title, self.title_end, *text] for title, text in zip(ids[::2], ids[1::2], strict=True)]

    def text(self, tokens: Sequence[int]) -> str:
        """The text of token ids; `title_end` is left out."""
        return str(self._tokenizer.decode([token for token in tokens if token != self.title_end]))

    def offsets(self, title: str, text: str) -> list[tuple[int, int]]:
        """For each token of `passage(title, text)`, its (start, end) characters in `text`.

        Tokens of the title and `title_end` have (0, 0). The space in front of a word is not part of its span.
        """
        title_tokens = len(self.words(title)) + 1
        encoded = self._tokenizer.encode(_spaced(text), add_special_tokens=False)
        origin = _origins(text)
        spans = [(0, 0)] * title_tokens
        for start, end in encoded.offsets:
            inside = [o for o in origin[start:end] if o is not None]
            spans.append((inside[0], _cluster_end(text, inside[-1])) if inside else (0, 0))
        return spans


def _tokenizer_file(folder: Path) -> tuple[Tokenizer, int] | None:
    """The tokenizer and its end-of-text token, where the folder's files say both outright.

    It is what transformers would load, without waiting for transformers and torch.
    """
    from tokenizers import Tokenizer

    try:
        settings = json.loads((folder / "tokenizer_config.json").read_text(encoding="utf-8"))
        tokenizer = Tokenizer.from_buffer((folder / "tokenizer.json").read_bytes())
    except (OSError, ValueError):
        return None
    end = settings.get("eos_token") if isinstance(settings, dict) else None
    end = end.get("content") if isinstance(end, dict) else end
    number = tokenizer.token_to_id(end) if isinstance(end, str) else None
    return None if number is None else (tokenizer, number)


def _spaced(text: str) -> str:
    """A space and `text` in composed form with white space collapsed; nothing for an empty text."""
    words = unicodedata.normalize("NFC", text).split()
    return " " + " ".join(words) if words else ""


def _origins(text: str) -> list[int | None]:
    """For each character of `_spaced(text)`, the place in `text` it came from; None for a space.

    Composition joins a base character and what composes with it; the joined character is traced to the base.
    """
    origins: list[int | None] = []
    place = 0
    for word in text.split():
        place = text.index(word, place)
        origins.append(None)
        cluster_start = place
        for offset in range(1, len(word) + 1):
            if offset < len(word) and _joins(text, cluster_start, place + offset):
                continue
            cluster = text[cluster_start : place + offset]
            origins += [cluster_start] * len(unicodedata.normalize("NFC", cluster))
            cluster_start = place + offset
        place += len(word)
    return origins


def _cluster_end(text: str, place: int) -> int:
    """Where the character at `place`, with what joins it, ends."""
    end = place + 1
    while end < len(text) and _joins(text, place, end):
        end += 1
    return end


def _joins(text: str, start: int, end: int) -> bool:
    """Whether the character at `end` belongs to text[start:end]: as a mark, or because it composes with it.

    The latter are no marks by their class: Hangul vowels and finals, vowel signs of several scripts of India.
    """
    character = text[end]
    if character < "\u0300":
        return False
    if unicodedata.combining(unicodedata.normalize("NFD", character)[0]):
        return True
    apart = unicodedata.normalize("NFC", text[start:end]) + unicodedata.normalize("NFC", character)
    return unicodedata.normalize("NFC", text[start : end + 1]) != apart

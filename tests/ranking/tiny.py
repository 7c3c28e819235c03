"""A BERT of a few kilobytes with a real tokenizer, and generated pages of facts with questions about them."""

from __future__ import annotations

import json
import string
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import BertConfig, BertModel

ANIMALS = ("otter", "heron", "badger", "swift", "adder", "plaice", "shrew", "lark", "newt", "stoat")
PLACES = ("marsh", "cliff", "meadow", "harbour", "quarry", "orchard", "moor", "estuary", "cellar", "dune")
FOODS = ("eels", "acorns", "moss", "beetles", "barley", "shrimps", "clover", "moths", "worms", "berries")
_OTHER = "the sleeps in a at night and eats where does what sleep eat many people have seen it there . ? ,"


def write_model(
    folder: Path,
    *,
    seed: int = 0,
    positions: int = 256,
    segments: int = 2,
    init: float = 0.02,
    width: int = 32,
    activation: str = "gelu",
) -> Path:
    """A transformers folder: two layers, two heads, random weights, WordPiece with single letters."""
    folder.mkdir(parents=True)
    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *_OTHER.split(), *ANIMALS, *PLACES, *FOODS, *letters]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        hidden_act=activation,
        max_position_embeddings=positions,
        type_vocab_size=segments,
        initializer_range=init,
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        BertModel(config).save_pretrained(folder)
    return folder


def paragraphs(number: int) -> list[str]:
    """Two paragraphs about animal `number`, each long enough to be a passage of its own."""
    animal, place, food = ANIMALS[number], PLACES[number], FOODS[number]
    padding = "many people have seen it there, and people have seen it at night. " * 5
    return [f"The {animal} sleeps in the {place}. {padding}".strip(), f"It eats {food}. {padding}".strip()]


def write_corpus(path: Path) -> Path:
    """A KILT knowledge source with a page an animal."""
    with path.open("w") as file:
        for number, animal in enumerate(ANIMALS):
            page = {"_id": animal, "wikipedia_id": animal, "wikipedia_title": animal.title()}
            file.write(json.dumps({**page, "text": [animal.title(), *paragraphs(number)]}) + "\n")
    return path


def write_gold(path: Path, animals: int = len(ANIMALS)) -> Path:
    """KILT gold: two questions an animal, each with the paragraph that answers it."""
    with path.open("w") as file:
        for number, animal in enumerate(ANIMALS[:animals]):
            for paragraph, question, answer in (
                (1, f"Where does the {animal} sleep at night?", PLACES[number]),
                (2, f"What does the {animal} eat at night?", FOODS[number]),
            ):
                place = {"wikipedia_id": animal, "start_paragraph_id": paragraph, "start_character": 0}
                output = [{"answer": answer, "provenance": [place]}]
                line = {"id": f"{animal}-{paragraph}", "input": question, "output": output}
                file.write(json.dumps(line) + "\n")
    return path


def write_vectors(folder: Path, *, width: int = 16, seed: int = 0) -> Path:
    """Word vectors of the pages' words, random, all but two of the animals."""
    words = sorted({*_OTHER.split()[:-3], *ANIMALS[2:], *PLACES, *FOODS})
    folder.mkdir(parents=True)
    generator = torch.Generator().manual_seed(seed)
    save_file(
        {"vectors": torch.randn(len(words), width, generator=generator)}, folder / "vectors.safetensors"
    )
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    return folder

"""`skerry train`: train a ranker or a retriever on a question set over an index; one file a command."""

from __future__ import annotations

import click

from skerry.ranking.neural.registry import MODELS
from skerry.services.cli.train.corpusbrain import corpusbrain
from skerry.services.cli.train.cross_encoder import cross_encoder
from skerry.services.cli.train.embedding import embedding
from skerry.services.cli.train.fusion import fusion
from skerry.services.cli.train.neural_ranker import neural_ranker
from skerry.services.cli.train.seal import seal


@click.group()
def train() -> None:
    """Train a ranker, a retriever or the fusion of several."""


@train.group()
def ranker() -> None:
    """Train a ranker."""


ranker.add_command(cross_encoder)
for _name in MODELS:
    ranker.add_command(neural_ranker(_name))
train.add_command(corpusbrain)
train.add_command(embedding)
train.add_command(fusion)
train.add_command(seal)

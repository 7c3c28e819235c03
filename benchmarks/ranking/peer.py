"""sentence-transformers' `CrossEncoder` on the weights of one of our rankers: its own loop and defaults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    BertModel,
    BertPreTrainedModel,
)
from transformers.modeling_outputs import SequenceClassifierOutput

from skerry.core.errors import BackendUnavailable
from skerry.core.models.store import Model
from skerry.ranking.base import RankRequest
from skerry.ranking.pair_network import PairNetwork, passage_text


class PairConfig(BertConfig):  # type: ignore[misc]
    """A BERT with our head."""

    model_type = "skerry-pairs"


class PairClassifier(BertPreTrainedModel):  # type: ignore[misc]
    """The cross-encoder's network as transformers has its own: one label, read off [CLS] and the mean."""

    config_class = PairConfig

    def __init__(self, config: PairConfig) -> None:
        super().__init__(config)
        self.bert = BertModel(config, add_pooling_layer=False)
        self.classifier = torch.nn.Linear(2 * config.hidden_size, 1)
        self.post_init()

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor, **_: Any
    ) -> SequenceClassifierOutput:
        """Logits of shape (batch, 1)."""
        states = self.bert(input_ids, attention_mask, token_type_ids).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        mean = (states * weights).sum(1) / weights.sum(1)
        return SequenceClassifierOutput(logits=self.classifier(torch.cat([states[:, 0], mean], dim=1)))


def check_installed() -> None:
    """Raise `BackendUnavailable` where sentence-transformers is not installed."""
    try:
        import sentence_transformers  # noqa: F401
    except ModuleNotFoundError as error:
        raise BackendUnavailable(
            "The peer is sentence-transformers, which is not installed.",
            hint="Install it with `pip install -e '.[bench]'` in the source tree, or give --no-peer.",
            details={"package": "sentence-transformers"},
        ) from error


def write_folder(network: PairNetwork, base: Model, folder: Path) -> None:
    """A float32 network as a folder that `CrossEncoder` loads, with the base's tokenizer."""
    from transformers import AutoTokenizer

    fields = network.encoder.config.to_dict()
    kept = fields.keys() - {"architectures", "id2label", "label2id"}
    config = PairConfig(**{name: fields[name] for name in kept}, num_labels=1)
    whole = PairClassifier(config)
    encoder = {name: value for name, value in network.encoder.state_dict().items() if "pooler" not in name}
    whole.bert.load_state_dict(encoder)
    whole.classifier.load_state_dict(network.head.state_dict())
    whole.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base.folder, local_files_only=True).save_pretrained(folder)


class Peer:
    """Reads the folder that `write_folder` made.

    Args:
        dtype: of all its weights.
        max_tokens: of a pair.
    """

    def __init__(self, folder: Path, dtype: torch.dtype, max_tokens: int) -> None:
        from sentence_transformers import CrossEncoder

        AutoConfig.register(PairConfig.model_type, PairConfig, exist_ok=True)
        AutoModelForSequenceClassification.register(PairConfig, PairClassifier, exist_ok=True)
        self._model = CrossEncoder(
            str(folder),
            max_length=max_tokens,
            device="cpu",
            local_files_only=True,
            model_kwargs={"dtype": dtype},
        )

    def logits(self, request: RankRequest) -> NDArray[np.float32]:
        """One a candidate: what it predicts, without the sigmoid that would come last."""
        pairs = [(request.query, passage_text(one.title, one.text)) for one in request.candidates]
        predicted = self._model.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return np.asarray(predicted, np.float32)

"""Tiny models of every kind that is supported, loaded as users load them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray

from skerry.core.models.store import Model, ModelStore
from skerry.retrieval.seal.language_model import load
from skerry.retrieval.seal.language_model.base import LanguageModel

from . import tiny


@dataclass(frozen=True)
class Case:
    """A tiny model, and what it must agree with."""

    kind: str
    folder: Model
    reference: transformers.PreTrainedModel
    model: LanguageModel

    def expected(self, prompt: list[int], tokens: list[int]) -> NDArray[np.float32]:
        """Log-probabilities (logits,) after prompt and tokens, by transformers, without any cache."""
        with torch.inference_mode():
            if self.kind == "bart":
                out = self.reference(
                    input_ids=torch.tensor([[1, *prompt, 2]]),
                    decoder_input_ids=torch.tensor([[2, 1, *tokens]]),
                    use_cache=False,
                )
            elif self.kind == "t5":
                out = self.reference(
                    input_ids=torch.tensor([[*prompt, 2]]),
                    decoder_input_ids=torch.tensor([[0, *tokens]]),
                    use_cache=False,
                )
            else:
                start = [1] if self.kind == "llama-biased" else []
                out = self.reference(torch.tensor([[*start, *prompt, *tokens]]), use_cache=False)
            log_probs: NDArray[np.float32] = torch.log_softmax(out.logits[0, -1].float(), -1).numpy()
        return log_probs


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Model]:
    """A folder of each kind."""
    store = ModelStore(tmp_path_factory.mktemp("store"))
    root: Path = tmp_path_factory.mktemp("tiny")
    return {kind: store.resolve(str(tiny.write(kind, root / kind))) for kind in tiny.MODELS}


@pytest.fixture(scope="session")
def cases(folders: dict[str, Model]) -> dict[str, Case]:
    """Each kind, in float32."""
    return {
        kind: Case(kind, folder, tiny.weights(kind), load(folder, dtype="fp32"))
        for kind, folder in folders.items()
    }


@pytest.fixture(params=list(tiny.MODELS))
def case(request: pytest.FixtureRequest, cases: dict[str, Case]) -> Case:
    """One kind after the other."""
    return cases[request.param]

"""How elastic embeddings are trained."""

from __future__ import annotations

from dataclasses import dataclass

from skerry.core.errors import InvalidInput

_LEAST_EVERY = 3


@dataclass(frozen=True, slots=True)
class Settings:
    """The knobs of a training run; the defaults are for all-MiniLM-L6-v2.

    Attributes:
        keep_whole: leave the whole depth as it is and train the exits before it.
        early_steps: with `keep_whole`, where `steps` is None.
        early_layers: with `keep_whole`, which of the model's layers those before the last begin as; None
            spreads half of them over the model, so that half of the depth begins with what its last layer
            knows (`start.spread`), and adds the last one again.
        short, long: texts like questions, and passages, in a step with `keep_whole`.
        other_share: of the short texts that are questions with another subject, and pieces of passages, each.
        bank: passages that short texts are scored against.
        bank_scale: what those scores are multiplied by.
        label_share: what a question's evidence gets of the distribution over the bank that is learnt.
        loss: a name in `losses.LOSSES`.
        pairs: (layers, dimensions) that are trained and printed; the whole model is always among them.
        ranks: of the low-rank factors, one a layer, or one for all layers.
        learning_rate: of the factors at its peak; linear warm-up over 2% of the steps, then a cosine to a
            hundredth.
        map_share, importance_share: the learning rates of the exits' maps and importances as shares of it.
        passages: in a batch.
        each: questions that a passage brings into its batch, at most.
        group: passages that are each other's hard negatives and come into a batch together, at most.
        steps: of all kinds; None for `epochs` passes over the passages.
        epochs: where `steps` is None.
        scale: cosines are multiplied by it to be logits.
        kl_weight: of the divergence from the whole model's scores, beside InfoNCE.
        anchor: of the divergence of the whole model's scores from the untrained one's.
        similarity_weight: of the loss of graded similarities.
        strength: the share of the learnt change of the weights that is kept, above 0 to 1. Weights between
            the untrained and the trained ones find more than either, on what was trained on and elsewhere
            (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
        distil_every: one step in so many holds the model to the untrained one, where there are other texts.
        similarity_every: one step in so many learns graded similarities, where there are any.
        texts: of other domains, in a distillation step.
        similar: pairs of sentences, in a similarity step.
        passage_tokens, question_tokens: longer ones are cut.
        seed: of the factors and of all that is drawn.
        checkpoint_every: steps between two checkpoints.

    Raises:
        InvalidInput: other kinds of steps so often that none is left for questions, or no such strength.
    """

    keep_whole: bool = True
    early_steps: int = 900
    early_layers: tuple[int, ...] | None = None
    short: int = 208
    long: int = 16
    other_share: float = 0.25
    bank: int = 5000
    bank_scale: float = 40.0
    label_share: float = 0.15
    loss: str = "cross_depth"
    pairs: tuple[tuple[int, int], ...] = (
        (1, 96),
        (1, 384),
        (2, 96),
        (2, 384),
        (3, 96),
        (3, 384),
        (4, 96),
        (4, 384),
        (5, 96),
        (5, 384),
        (6, 96),
        (6, 384),
    )
    ranks: tuple[int, ...] = (92, 92, 92, 16, 16, 16)
    learning_rate: float = 1e-3
    map_share: float = 1.0
    importance_share: float = 3.0
    passages: int = 32
    each: int = 4
    group: int = 8
    steps: int | None = None
    epochs: int = 1
    scale: float = 20.0
    kl_weight: float = 1.0
    anchor: float = 0.06
    similarity_weight: float = 0.1
    strength: float = 0.75
    distil_every: int = 5
    similarity_every: int = 9
    texts: int = 32
    similar: int = 64
    passage_tokens: int = 192
    question_tokens: int = 48
    seed: int = 0
    checkpoint_every: int = 60

    def __post_init__(self) -> None:
        if not 0 < self.strength <= 1:
            raise InvalidInput(
                f"The strength is {self.strength}; it is a share.", hint="Choose one above 0, 1 at most."
            )
        if min(self.distil_every, self.similarity_every) < _LEAST_EVERY:
            raise InvalidInput(
                f"Distillation every {self.distil_every} steps and similarity every {self.similarity_every} "
                "may leave no step for the questions.",
                hint=f"Choose {_LEAST_EVERY} or more for each.",
            )

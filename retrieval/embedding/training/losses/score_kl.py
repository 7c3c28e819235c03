"""How far a smaller model's scores are from a larger one's, as distributions over the batch's passages."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import kl_div


def score_kl(student: Tensor, teacher: Tensor) -> Tensor:
    """Mean over the rows of KL(softmax(teacher) || softmax(student)), in nats; the teacher gets no gradient.

    Args:
        student, teacher: logits of shape (rows, columns).
    """
    return kl_div(
        student.log_softmax(1), teacher.detach().log_softmax(1), log_target=True, reduction="batchmean"
    )

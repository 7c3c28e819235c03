"""The output layer's loss is torch's, and so is its gradient."""

from __future__ import annotations

import torch

from skerry.retrieval.seal.training.output_loss import cross_entropy


def test_loss_and_gradient_are_those_of_the_usual_form() -> None:
    torch.manual_seed(0)
    states = torch.randn(150, 16, dtype=torch.float64, requires_grad=True)
    output = torch.randn(300, 16, dtype=torch.float64)
    place = torch.randint(150, (400,))
    targets = torch.randint(300, (400,))
    weights = torch.rand(400)
    usual = -(states @ output.T).log_softmax(-1)[place, targets] @ weights.double()
    [expected] = torch.autograd.grad(usual, states)
    loss = cross_entropy(states, output, place, targets, weights)
    [gradient] = torch.autograd.grad(3 * loss, states)
    torch.testing.assert_close(loss.double(), usual, rtol=1e-5, atol=1e-3)
    torch.testing.assert_close(gradient, 3 * expected, rtol=1e-4, atol=1e-5)


def test_without_a_gradient() -> None:
    with torch.inference_mode():
        loss = cross_entropy(
            torch.ones(1, 2), torch.zeros(4, 2), torch.tensor([0]), torch.tensor([3]), torch.tensor([2.0])
        )
    torch.testing.assert_close(loss, 2 * torch.tensor(4.0).log())

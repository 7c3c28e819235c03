"""The native kernel bank beside the slow version."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from skerry.kernels import _native
from skerry.kernels.kernel_bank import MOST_KERNELS, kernel_sums
from skerry.kernels.reference import kernel_bank as reference

CENTRES = (1.0, 0.9, 0.3, -0.3, -0.9)
WIDTHS = (0.001, 0.1, 0.1, 0.3, 1.0)


def drawn(seed: int, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    rng = torch.Generator().manual_seed(seed)
    similarity = torch.rand(shape, generator=rng) * 2 - 1
    exact = torch.rand(shape, generator=rng) < 0.1
    mask = torch.rand(shape, generator=rng) < torch.rand((*shape[:-1], 1), generator=rng)
    return similarity.masked_fill(exact, 1.0), mask


def with_gradient(similarity: Tensor, mask: Tensor, of_sums: Tensor, sums: object) -> tuple[Tensor, Tensor]:
    own = similarity.clone().requires_grad_()
    found = sums(own, mask, CENTRES, WIDTHS)  # type: ignore[operator]
    found.backward(of_sums)
    assert own.grad is not None
    return found.detach(), own.grad


@settings(deadline=None, max_examples=80)
@given(
    st.integers(0, 2**32),
    st.lists(st.integers(0, 5), max_size=2),
    st.one_of(st.integers(0, 70), st.sampled_from([320, 1000])),
)
def test_sums_and_gradients(seed: int, leading: list[int], words: int) -> None:
    similarity, mask = drawn(seed, (*leading, words))
    of_sums = torch.randn(*leading, len(CENTRES), generator=torch.Generator().manual_seed(seed))
    found = with_gradient(similarity, mask, of_sums, kernel_sums)
    expected = with_gradient(similarity.double(), mask, of_sums.double(), reference.kernel_sums)
    torch.testing.assert_close(found[0], expected[0].float(), rtol=1e-5, atol=1e-6)
    # The sharpest kernel's slope is up to 600 times its value.
    torch.testing.assert_close(found[1], expected[1].float(), rtol=1e-4, atol=1e-3)


def test_threads_and_padding_change_no_bit() -> None:
    similarity, mask = drawn(3, (40, 30, 50))
    of_sums = torch.randn(40, 30, len(CENTRES))
    alone = with_gradient(similarity, mask, of_sums, kernel_sums)
    threads = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        together = with_gradient(similarity, mask, of_sums, kernel_sums)
    finally:
        torch.set_num_threads(threads)
    wide = torch.nn.functional.pad(similarity, (0, 33)), torch.nn.functional.pad(mask, (0, 33))
    padded = with_gradient(*wide, of_sums, kernel_sums)
    for one, other in zip(alone, together, strict=True):
        assert torch.equal(one, other)
    assert torch.equal(padded[0], alone[0])
    assert torch.equal(padded[1][..., :50], alone[1]) and padded[1][..., 50:].eq(0).all()


def test_views_and_inference() -> None:
    similarity, mask = drawn(4, (6, 5, 20))
    expected = reference.kernel_sums(similarity, mask, CENTRES, WIDTHS)
    turned = similarity.transpose(0, 2).contiguous().transpose(0, 2)
    with torch.inference_mode():
        assert torch.allclose(kernel_sums(turned, mask, CENTRES, WIDTHS), expected, atol=1e-6)
    one_mask = mask[:1].expand(6, 5, 20)
    assert torch.allclose(
        kernel_sums(similarity, one_mask, CENTRES, WIDTHS),
        reference.kernel_sums(similarity, one_mask, CENTRES, WIDTHS),
        atol=1e-6,
    )


def test_any_other_type() -> None:
    similarity, mask = drawn(5, (3, 4, 7))
    own = similarity.double().requires_grad_()
    assert kernel_sums(own, mask, CENTRES, WIDTHS).dtype == torch.float64
    assert torch.autograd.gradcheck(lambda s: kernel_sums(s, mask, (0.9, 0.1), (0.1, 0.3)), own)


def test_what_is_no_number_is_seen() -> None:
    similarity, mask = torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool)
    similarity[0, 1] = torch.nan
    found = kernel_sums(similarity, mask, CENTRES, WIDTHS)
    assert found[0].isnan().all() and found[1].isfinite().all()
    mask[0, 1] = False
    assert kernel_sums(similarity, mask, CENTRES, WIDTHS).isfinite().all()


@pytest.mark.parametrize("steep", [1.0, 1e15, 1e20])
def test_masked_words_have_no_gradient(steep: float) -> None:
    similarity, mask = drawn(8, (6, 45))
    mask[:, -1] = True
    gradient = with_gradient(similarity, mask, torch.full((6, len(CENTRES)), steep), kernel_sums)[1]
    assert gradient[~mask].eq(0).all() and gradient.isfinite().all()


@pytest.mark.parametrize("isa", ["avx512", "avx2", "baseline"])
def test_every_instruction_set(isa: str) -> None:
    similarity, mask = drawn(6, (9, 45))
    of_sums = torch.randn(9, len(CENTRES))
    expected = with_gradient(similarity, mask, of_sums, reference.kernel_sums)
    factors = torch.tensor([-1.44269504 / (2 * sigma**2) for sigma in WIDTHS])
    sums, gradients, centres = torch.empty(9, len(CENTRES)), torch.empty(9, 45), torch.tensor(CENTRES)
    rows = (similarity, mask.view(torch.uint8), centres, factors)
    try:
        _native.bank_sums(*rows, sums, 1, isa)
    except ValueError as error:
        pytest.skip(str(error))
    _native.bank_gradients(*rows, of_sums, gradients, 1, isa)
    torch.testing.assert_close(sums, expected[0], rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients, expected[1], rtol=1e-4, atol=1e-3)


def test_bad_input() -> None:
    similarity, mask = drawn(7, (2, 3))
    with pytest.raises(ValueError, match=r"bool and of the shape \(2, 3\), not torch.bool of \(1, 3\)"):
        kernel_sums(similarity, mask[:1], CENTRES, WIDTHS)
    with pytest.raises(ValueError, match=r"not torch\.float32"):
        kernel_sums(similarity, mask.float(), CENTRES, WIDTHS)
    with pytest.raises(ValueError, match="5 centres and 1 widths"):
        kernel_sums(similarity, mask, CENTRES, (0.1,))
    with pytest.raises(ValueError, match=f"may be {MOST_KERNELS}"):
        kernel_sums(similarity, mask, [0.0] * 65, [0.1] * 65)
    with pytest.raises(ValueError, match="above 0"):
        kernel_sums(similarity, mask, (0.1,), (0.0,))
    centres, bytes_ = torch.zeros(1), mask.view(torch.uint8)
    with pytest.raises(ValueError, match="differ in shape"):
        _native.bank_sums(similarity, bytes_[:1], centres, centres - 1, torch.empty(2, 1), 1)
    with pytest.raises(ValueError, match="a row a row"):
        _native.bank_sums(similarity, bytes_, centres, centres - 1, torch.empty(1, 1), 1)
    with pytest.raises(ValueError, match="below 0"):
        _native.bank_sums(similarity, bytes_, centres, centres, torch.empty(2, 1), 1)
    with pytest.raises(ValueError, match="their gradients differ"):
        _native.bank_gradients(similarity, bytes_, centres, centres - 1, torch.empty(2, 1), similarity[:1], 1)
    with pytest.raises(ValueError, match="no sse9"):
        _native.bank_sums(similarity, bytes_, centres, centres - 1, torch.empty(2, 1), 1, "sse9")

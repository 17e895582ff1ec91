"""The flat array of parameters and its views."""

import numpy as np
import pytest

from core.layout import Layout, ParameterStack

WIDTHS = [(2, 3, 3, 3, 1), (1, 1), (4, 4, 4), (5, 1, 5, 1), (3, 2)]
DTYPES = [np.float64, np.float32]


def numbered(layout, runs=3, dtype=np.float64):
    """A stack whose every number is its own index."""
    return ParameterStack(layout, np.arange(runs * layout.size, dtype=dtype).reshape(runs, layout.size))


@pytest.mark.parametrize("widths", WIDTHS)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_views_cover_every_number_once_and_are_views(widths, bias, affine):
    layout = Layout(widths, bias, affine)
    assert layout.size == (
        sum((m + bias) * n for m, n in zip(widths, widths[1:], strict=False)) + 2 * affine * sum(widths[1:-1])
    )
    stack = numbered(layout)
    assert len(stack.gains) == len(stack.shifts) == affine * (len(widths) - 2)
    for run in range(3):
        places = [W[run].ravel() for W in stack.weights] + [b[run] for b in stack.biases]
        places += [own[run] for own in [*stack.gains, *stack.shifts]]
        np.testing.assert_array_equal(np.sort(np.concatenate(places)), np.sort(stack.flat[run]))
    for layer, (fan_in, fan_out) in enumerate(layout.shapes):
        assert stack.weights[layer].shape == (3, fan_in, fan_out)
        if bias:
            assert stack.biases[layer].shape == (3, fan_out)
            np.testing.assert_array_equal(stack.matrices[layer][:, -1], stack.biases[layer])
    for layer, (gain, shift) in enumerate(zip(stack.gains, stack.shifts, strict=True)):
        assert gain.shape == shift.shape == (3, widths[layer + 1])
        np.testing.assert_array_equal(
            np.hstack([gain, shift])[0], stack.flat[0, : layout.offsets[layer + 1]][-2 * widths[layer + 1] :]
        )
    views = [*stack.matrices, *stack.weights, *stack.biases, *stack.gains, *stack.shifts]
    assert all(np.shares_memory(view, stack.flat) for view in views)


@pytest.mark.parametrize("bias", [True, False])
def test_compiled_code_finds_the_same_numbers(bias):
    layout = Layout((2, 3, 1), bias)
    stack, arrays = numbered(layout), layout.arrays
    assert arrays.bias == bias and tuple(arrays.widths) == (2, 3, 1)
    for layer, (W, matrix) in enumerate(zip(stack.weights, stack.matrices, strict=True)):
        start, end = arrays.offsets[layer : layer + 2]
        np.testing.assert_array_equal(stack.flat[1, start:end], matrix[1].ravel())
        np.testing.assert_array_equal(stack.flat[1, start : start + W[1].size], W[1].ravel())


def test_a_run_is_taken_out_as_copies():
    layout = Layout((2, 3, 1), True)
    stack = numbered(layout)
    weights = stack.run(1)
    for (W, b), W_all, b_all in zip(weights, stack.weights, stack.biases, strict=True):
        np.testing.assert_array_equal(W, W_all[1])
        np.testing.assert_array_equal(b, b_all[1])
        assert not np.shares_memory(W, stack.flat) and not np.shares_memory(b, stack.flat)
    assert all(b is None for _, b in numbered(Layout((2, 3, 1), False)).run(0))


def test_a_run_has_the_gain_and_the_shift_of_its_hidden_layers():
    stack = numbered(Layout((2, 3, 1), True, affine=True))
    hidden, output = stack.run(1)
    assert len(output) == 2
    for values, view in zip(hidden, (stack.weights[0], stack.biases[0], stack.gains[0], stack.shifts[0]), strict=True):
        np.testing.assert_array_equal(values, view[1])
        assert not np.shares_memory(values, stack.flat)

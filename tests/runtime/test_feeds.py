"""Feeds as users give them: other types, tensors, lists, an array alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import onnx2snn
from onnx2snn import OptionError, RuntimeShapeError
from tests.models import dyadic, model

if TYPE_CHECKING:
    from onnx2snn import Network

X = dyadic(1, 5, 3, unit=16)
IDS = np.array([[0, 1], [2, 1]])
T = 4


@pytest.fixture(scope="module")
def network() -> Network:
    ann = model(
        "(float[N,3] x) => (y) { h = MatMul (x, w)  y = Relu (h) }", w=dyadic(2, 3, 2)
    )
    return onnx2snn.convert(ann, T).network


@pytest.fixture(scope="module")
def of_tokens() -> Network:
    ann = model(
        "(int32[N,2] i) => (y) { e = Gather (w, i)  f = Flatten (e)  y = Relu (f) }",
        w=dyadic(3, 300, 2),
    )
    return onnx2snn.convert(ann, T).network


class Tensor:
    """An array of another framework, known by its method alone."""

    def __init__(self, data: np.ndarray) -> None:
        self._data = data

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._data


@pytest.mark.parametrize(
    "given",
    [
        X.astype(np.float64),
        X.astype(np.float16),
        X.tolist(),
        list(X),
        Tensor(X),
        Tensor(X.astype(np.float64)),
        {"x": X.tolist()},
        {"x": Tensor(X)},
    ],
)
def test_values_become_those_of_the_input(network: Network, given: Any) -> None:
    expected = network.run({"x": X})["y"]
    found = network.run(given)["y"]
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(network.run_at(given, [T])[T]["y"], expected)


def test_torch_tensors_are_fed(network: Network) -> None:
    torch = pytest.importorskip("torch")
    given = torch.from_numpy(X.copy()).requires_grad_()
    expected = network.run({"x": X})["y"]
    np.testing.assert_array_equal(network.run(given)["y"], expected)


def test_whole_numbers_of_python_are_real_numbers_as_well(network: Network) -> None:
    expected = network.run({"x": np.float32([[1, 0, 2]])})["y"]
    np.testing.assert_array_equal(network.run([[1, 0, 2]])["y"], expected)


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.int32])
def test_integers_become_those_of_the_input(of_tokens: Network, dtype: type) -> None:
    expected = of_tokens.run({"i": IDS.astype(np.int32)})["y"]
    np.testing.assert_array_equal(of_tokens.run(IDS.astype(dtype))["y"], expected)


@pytest.mark.parametrize(
    "given, message",
    [
        (
            X.astype(np.uint8),
            r"was given uint8: preprocess the values as for the model",
        ),
        (X.astype(complex), r"'x' float32 \[N, 3\] was given complex128$"),
        ([["a", "b", "c"]], "was given <U1"),
        ([[1.0, 2.0, 3.0], [1.0]], "the feed of input 'x' is no array"),
        (object(), "the feed of input 'x' is no array"),
        ({"X": X}, "no input 'X'; did you mean 'x'?"),
    ],
)
def test_values_that_do_not_fit(network: Network, given: Any, message: str) -> None:
    with pytest.raises(RuntimeShapeError, match=message):
        network.run(given)


@pytest.mark.parametrize(
    "given, message",
    [
        (
            np.array([[0, 2**40]]),
            "'i' int32 .* was given 1 values out of range for int32",
        ),
        (IDS.astype(float), r"'i' int32 \[N, 2\] was given float64$"),
    ],
)
def test_integers_that_do_not_fit(of_tokens: Network, given: Any, message: str) -> None:
    with pytest.raises(RuntimeShapeError, match=message):
        of_tokens.run(given)


@pytest.mark.parametrize(
    "steps",
    [2, np.int64(2), [1, 2], (1, 2), range(1, 3), np.array([1, 2]), np.array(2), {2}],
)
def test_one_number_of_steps_or_several(network: Network, steps: Any) -> None:
    found = network.run_at(X, steps)
    assert list(found)[-1] == 2
    np.testing.assert_array_equal(found[2]["y"], network.run(X, T=2)["y"])
    assert network.run_at(X, T=steps).keys() == found.keys()


def test_older_names_of_t(network: Network) -> None:
    expected = network.run(X, T=3)["y"]
    older: Any = network  # a type checker knows the new ones only
    np.testing.assert_array_equal(older.run(X, time_steps=3)["y"], expected)
    np.testing.assert_array_equal(older.run_at(X, steps=[3])[3]["y"], expected)
    assert older.time_steps == older.T == T
    with pytest.raises(OptionError, match=r"Network.run\(\) .*'t'; did you mean 'T'"):
        older.run(X, t=3)


@pytest.mark.parametrize("steps", ["8", 8.0, True, None, [1, "2"]])
def test_numbers_of_steps_of_another_type(network: Network, steps: Any) -> None:
    with pytest.raises(
        OptionError, match="T must be a whole number of at least 1, not"
    ):
        network.run_at(X, steps)


def test_text_goes_through_a_conversion_and_a_run() -> None:
    """Words are numbers written out: the network casts them, then computes on spikes."""
    words = X.astype(np.str_)
    ann = model(
        "(string[N,3] s) => (y) { x = Cast <to = 1> (s)  h = MatMul (x, w)  a = Relu (h)"
        "  y = MatMul (a, v) }",
        w=dyadic(2, 3, 4),
        v=dyadic(3, 4, 2),
    )
    conversion = onnx2snn.convert(ann, T, words)
    expected = conversion.network.run({"s": words.astype(object)})["y"]
    assert np.any(expected)
    for given in (words, words.tolist(), {"s": words}):
        np.testing.assert_array_equal(conversion.network.run(given)["y"], expected)
    with pytest.raises(
        RuntimeShapeError, match=r"'s' string \[N, 3\] was given float32"
    ):
        conversion.network.run(X)

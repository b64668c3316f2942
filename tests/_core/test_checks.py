"""What counts as a number: arguments that NumPy would turn into one without a word are refused."""

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from anticrossing._core.checks import InputError, numbers, positive, real_array, returned


@pytest.mark.parametrize(
    "value",
    [2, 2.5, np.float32(1.5), np.int8(-3), [1, 2.0], [], np.arange(3), Fraction(1, 4), Decimal(2)],
    ids=repr,
)
def test_numbers_of_any_kind_become_double_precision(value):
    found = real_array("x", value)
    assert found.dtype == np.float64
    assert found.tolist() == np.asarray(value, dtype=float).tolist()


@pytest.mark.parametrize(
    "value",
    [
        True,
        [False, True],
        "1.0",
        ["1.0", "2.0"],
        b"1",
        None,
        [1.0, None],
        {"a": 1},
        [[1.0], [1.0, 2.0]],
        1j,
        np.nan,
        [1.0, np.inf],
        10**400,
        np.datetime64("2020-01-01"),
        np.timedelta64(3, "s"),
        np.ma.masked_array([1.0, 2.0], mask=[False, True]),
        object(),
        max,
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_is_refused_in_one_line(value):
    with pytest.raises(InputError, match=r"^Argument `x` must be [^\n]+\.$"):
        real_array("x", value)


def test_an_input_error_is_one_short_line_whatever_stands_in_it() -> None:
    error = InputError("Unknown key `a\u2028b\x1b[31m\nc\ud800`" + "9" * 5000 + " the end")
    assert str(error).isprintable()
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 1000
    assert str(error).endswith("the end")
    assert str(InputError("`x` must be ħω ≥ 0.")) == "`x` must be ħω ≥ 0."


def test_what_is_checked_is_a_copy() -> None:
    given = np.array([1.0, 2.0])
    checked = [
        numbers("x", given),
        real_array("x", given),
        positive("x", given),
        returned("x", given, (2,), np.float64),
    ]
    given[:] = 7.0
    for array in checked:
        assert np.array_equal(array, [1.0, 2.0])

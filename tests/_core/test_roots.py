"""Roots in brackets, against SciPy's `brentq` and closed forms."""

import numpy as np
import pytest
from scipy.optimize import brentq

from anticrossing._core.roots import bracketed_roots

FUNCTIONS = {
    "many roots": (lambda t: np.sin(t), np.linspace(-20.0, 21.0, 300)),
    "steep": (lambda t: np.tanh(300 * (t - 0.3)), np.linspace(-5.0, 5.0, 10)),
    "tiny values": (lambda t: 1e-290 * (t - 0.123), np.linspace(-1.0, 1.0, 8)),
    "falling": (lambda t: 0.7 - np.exp(t), np.linspace(-3.0, 3.0, 14)),
    "flat": (lambda t: t**9 - 1e-5, np.linspace(-1.0, 1.3, 6)),
    "a step": (lambda t: np.where(t > 0.2, 1.0, -1e-9), np.linspace(-1.0, 1.1, 4)),
}


@pytest.mark.parametrize(("function", "grid"), FUNCTIONS.values(), ids=FUNCTIONS)
def test_roots_are_those_of_brentq(function, grid):
    values = function(grid)
    k = np.flatnonzero(np.sign(values[:-1]) * np.sign(values[1:]) < 0)
    found = bracketed_roots(function, grid[k], grid[k + 1], 1e-14)
    reference = [brentq(function, grid[i], grid[i + 1], xtol=1e-15, rtol=1e-15) for i in k]
    assert k.size
    np.testing.assert_allclose(found, reference, rtol=0, atol=2e-14)


def test_a_threefold_root_and_no_bracket():
    low, high = np.array([-1.0, 2.5]), np.array([2.0, 4.0])
    found = bracketed_roots(lambda t: np.sin(t) ** 3, low, high, 1e-14)
    np.testing.assert_allclose(found, [0.0, np.pi], atol=1e-13)
    assert bracketed_roots(np.sin, np.array([]), np.array([]), 1e-14).size == 0


def test_all_brackets_share_the_calls():
    calls = []

    def function(t):
        calls.append(t.size)
        return np.cos(t)

    edges = np.pi * np.arange(200)
    found = bracketed_roots(function, edges[:-1], edges[1:], 1e-12)
    np.testing.assert_allclose(found, edges[:-1] + np.pi / 2, atol=1e-11)
    assert len(calls) < 60

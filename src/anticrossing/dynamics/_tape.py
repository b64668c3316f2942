"""Compiled interpreter of the instructions of `anticrossing._core.tape`."""

from __future__ import annotations

import numpy as np

from anticrossing._core.jit import inner
from anticrossing._core.tape import (
    ADD,
    COSINE,
    DIVIDE,
    MULTIPLY,
    NEGATE,
    NUMBER,
    PARAMETER,
    POWER,
    SINE,
    SUBTRACT,
)

_UNIT = 2.0**-53


@inner()
def follow(code, first, last, numbers, parameters, registers):
    """Fill the registers of instructions `first` to `last`, (k, n), at all nodes."""
    n = registers.shape[1]
    for k in range(first, last):
        operation, i, j = code[k, 0], code[k, 1], code[k, 2]
        out = registers[k + 1]
        if operation in (PARAMETER, NUMBER):
            value = parameters[i] if operation == PARAMETER else numbers[i]
            for p in range(n):
                out[p] = value
            continue
        a = registers[i]
        if operation == MULTIPLY:
            b = registers[j]
            for p in range(n):
                out[p] = a[p] * b[p]
        elif operation == ADD:
            b = registers[j]
            for p in range(n):
                out[p] = a[p] + b[p]
        elif operation == SUBTRACT:
            b = registers[j]
            for p in range(n):
                out[p] = a[p] - b[p]
        elif operation == DIVIDE:
            b = registers[j]
            for p in range(n):
                out[p] = a[p] / b[p]
        elif operation == POWER:
            for p in range(n):
                out[p] = a[p]
            for _ in range(j - 1):
                for p in range(n):
                    out[p] *= a[p]
        elif operation == SINE:
            for p in range(n):
                out[p] = np.sin(a[p])
        elif operation == COSINE:
            for p in range(n):
                out[p] = np.cos(a[p])
        elif operation == NEGATE:
            for p in range(n):
                out[p] = -a[p]


@inner()
def doubt(code, registers, node, errors):
    """Write a bound on the rounding errors of all registers at a node: a running error analysis."""
    errors[0] = _UNIT * abs(registers[0, node])
    for k in range(code.shape[0]):
        operation, i, j = code[k, 0], code[k, 1], code[k, 2]
        size = abs(registers[k + 1, node])
        if operation in (PARAMETER, NUMBER):
            errors[k + 1] = 0.0
            continue
        own = errors[i]
        if operation in (ADD, SUBTRACT):
            own += errors[j]
        elif operation == MULTIPLY:
            own = own * abs(registers[j, node]) + errors[j] * abs(registers[i, node])
        elif operation == DIVIDE:
            own = (own + size * errors[j]) / max(abs(registers[j, node]), 1e-300)
        elif operation == POWER:
            own *= j * size / max(abs(registers[i, node]), 1e-300)
        errors[k + 1] = own if operation == NEGATE else own + _UNIT * size

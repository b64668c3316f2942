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

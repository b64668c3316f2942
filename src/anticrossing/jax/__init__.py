"""Inside JAX: exact evolution as a function that it differentiates, compiles and maps.

What enters speaks JAX's interface.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import choice, fail, non_negative, require
from anticrossing._core.public import guard
from anticrossing.drive import Drive
from anticrossing.dynamics import propagate
from anticrossing.environment import Environment
from anticrossing.hamiltonian import Hamiltonian

__all__ = ["differentiable"]

_QUANTITIES = {"transition_matrix": 2, "probabilities": 1, "propagator": 2}  # and their own axes


def differentiable(
    hamiltonian: Hamiltonian,
    drive: Drive,
    *,
    of: str = "transition_matrix",
    environment: Environment | None = None,
    **options: Any,
) -> Callable[[Mapping[str, Any]], Any]:
    """Return what `propagate` finds as a function of parameters, for JAX.

    One evolution gives the value f and all derivatives ∂f/∂p; JAX is told

        df = Σ_p (∂f/∂p) dp ,

    so that `jax.grad`, `jax.jvp`, `jax.jacrev`, `jax.jit` and `jax.vmap` work, the last by one
    batch. Second derivatives are not known to it. Parameters and results have JAX's precision: give
    it doubles by ``jax.config.update("jax_enable_x64", True)``. What `propagate` writes into
    `warnings` becomes a Python warning.

    Parameters
    ----------
    hamiltonian, drive, environment
        As of `propagate`; not a batch.
    of : {'transition_matrix', 'probabilities', 'propagator'}
        What is returned: shape (N, N), (N,) or (N, N), after the batch axes of the parameters.
    **options
        Further arguments of `propagate`: `initial`, `basis`, `tolerance`, `breakpoints`.

    Returns
    -------
    callable
        Takes a dictionary of parameters, named as by ``propagate(gradient=…)``: numbers or arrays
        that broadcast. Those that are not in it keep their values.

    Raises
    ------
    InputError
        If arguments cannot be right, or, when it is called, for a parameter that is none of them,
        whose objects cannot be changed, or whose value is refused.
    MissingExtraError
        If JAX is not installed.

    Examples
    --------
    >>> import anticrossing as ac
    >>> H, drive = ac.models.LandauZener(gap=1.0), ac.drive.Linear(-1000, 1000, rate=1.0)
    >>> matrix = ac.jax.differentiable(H, drive)                                # doctest: +SKIP
    >>> jax.grad(lambda p: matrix(p)[1, 0])({"gap": 1.0, "rate": 1.0})          # doctest: +SKIP
    {'gap': Array(-0.6530…), 'rate': Array(0.3265…)}
    """
    jax = require("jax", "jax", "`differentiable`")
    choice("of", of, _QUANTITIES)
    taken = {"gradient", "times"} & options.keys()
    if taken:
        raise fail(min(taken), "be left out here", "it is given")
    for name, given in (
        ("hamiltonian", hamiltonian),
        ("drive", drive),
        ("environment", environment),
    ):
        if given is not None and given.batch_shape:
            must = "be no batch here: arrays of parameters make one"
            raise fail(name, must, f"its shape is {given.batch_shape}")
    levels, kept = hamiltonian.dimension, {"environment": environment, **options}
    shape = (levels,) * _QUANTITIES[of]
    dtype = jax.numpy.result_type(complex if of == "propagator" else float)

    def found(names: tuple[str, ...], values: tuple[Any, ...], sloped: bool) -> tuple[Any, ...]:
        changed = _changed(hamiltonian, drive, environment, dict(zip(names, values, strict=True)))
        result = propagate(
            *changed[:2],
            **(kept | {"environment": changed[2]}),
            gradient=list(names) if sloped else None,
        )
        for line in result.warnings:
            warnings.warn(line, stacklevel=2)
        if not sloped:
            return (getattr(result, of),)
        assert result.gradients is not None
        return (getattr(result, of), *(getattr(result.gradients[name], of) for name in names))

    def call(names: tuple[str, ...], values: tuple[Any, ...], sloped: bool) -> Any:
        own = jax.ShapeDtypeStruct((*np.shape(values[0]), *shape), dtype)

        def answer(*given: Any) -> tuple[Any, ...]:
            numbers = tuple(np.asarray(value, dtype=np.float64) for value in given)
            return tuple(np.asarray(a, dtype=dtype) for a in found(names, numbers, sloped))

        count = 1 + len(names) * sloped
        return jax.pure_callback(answer, (own,) * count, *values, vmap_method="broadcast_all")

    def function(parameters: Mapping[str, Any]) -> Any:
        names = tuple(parameters)
        _changed(hamiltonian, drive, environment, dict.fromkeys(names))

        def moved(values: tuple[Any, ...], shifts: tuple[Any, ...]) -> tuple[Any, Any]:
            value, *slopes = call(names, values, True)
            axes = (..., *(None,) * len(shape))
            return value, sum(s * d[axes] for s, d in zip(slopes, shifts, strict=True))

        plain = jax.custom_jvp(lambda *values: call(names, values, False)[0])
        plain.defjvp(moved)
        numbers = jax.numpy.broadcast_arrays(
            *(jax.numpy.asarray(parameters[name], dtype=float) for name in names)
        )
        return plain(*numbers)

    return function


def _changed(
    hamiltonian: Hamiltonian,
    drive: Drive,
    environment: Environment | None,
    values: Mapping[str, npt.NDArray[np.float64] | None],
) -> tuple[Hamiltonian, Drive, Environment | None]:
    """Return the objects with other values of parameters; with None they are only looked for."""
    if not values:
        raise fail("parameters", "name at least one parameter", "it is empty")
    known = {
        "hamiltonian": list(hamiltonian.parameters),
        "drive": list(drive.parameters) if hasattr(drive, "replace") else [],
        "environment": [] if environment is None else list(environment.numbers),
    }
    new: dict[str, dict[str, Any]] = {owner: {} for owner in known}
    for name, value in values.items():
        owner, _, key = name.partition(".")
        owners = [o for o, names in known.items() if name in names]
        if owner in known and key in known[owner]:
            owners, name = [owner], key
        if len(owners) != 1:
            listed = ", ".join(f"{o}.{n}" for o, names in known.items() for n in names) or "none"
            raise fail("parameters", f"name parameters that can be changed ({listed})", repr(name))
        if value is not None:
            new[owners[0]][name] = value
    if environment is not None:
        for name, value in new["environment"].items():
            environment = environment.with_number(name, non_negative(name, value))
    if new["drive"]:
        drive = drive.replace(**new["drive"])  # type: ignore[attr-defined]
    return hamiltonian.replace(**new["hamiltonian"]), drive, environment


guard(__name__)

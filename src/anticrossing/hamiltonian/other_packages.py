"""Hamiltonians from the objects of QuTiP and scqubits, and as objects of QuTiP."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy.typing as npt

from anticrossing._core import expression
from anticrossing._core.checks import (
    describe,
    fail,
    increasing,
    named_values,
    number_between,
    single_point,
)
from anticrossing._core.foreign import is_qobj
from anticrossing._core.public import guard
from anticrossing._core.qutip_objects import Dims
from anticrossing.units import Units

__all__ = ["OtherPackages"]


class OtherPackages(abc.ABC):
    """What a `Hamiltonian` takes from other packages, and gives to them."""

    coordinates: tuple[str, ...]
    dims: Dims

    @classmethod
    def from_qutip(
        cls,
        given: Any,
        slope: Any = None,
        *,
        args: Mapping[str, Any] | None = None,
        times: npt.ArrayLike | None = None,
        coordinate: str = "x",
        **details: Any,
    ) -> Self:
        """Build H from what QuTiP takes: H₀ + x H₁ of two `Qobj`, or Σ_k f_k(t) M_k of a list.

        Parameters
        ----------
        given : Qobj, QobjEvo or list
            H₀, or H(t) as ``[H0, [H1, f], …]``. An f that is text becomes a formula in `t` and in
            the names of `args`, which become parameters; a text that is no formula of ours is run
            by QuTiP. An f known by a Python function, or by its samples, becomes a coordinate
            ``f1``, ``f2``, … of H (``f1_re`` and ``f1_im`` if it is complex): `drive.from_qutip`
            returns the drive too. A function that returns the whole matrix becomes H(t).
        slope : Qobj, optional
            H₁, which the coordinate multiplies.
        args : mapping, optional
            The arguments of texts and functions, as in QuTiP; numbers in texts may be arrays, which
            make a batch.
        times : array, optional
            Of samples; and the window in which functions are looked at for being real.
        coordinate : str
            The name of x.
        **details
            As for `from_terms`.

        Raises
        ------
        InputError
            If `given` is none of these, or not Hermitian.

        Examples
        --------
        >>> import qutip                                                        # doctest: +SKIP
        >>> H = Hamiltonian.from_qutip(                                         # doctest: +SKIP
        ...     [qutip.sigmax(), [qutip.sigmaz(), "A*sin(t)"]], args={"A": 2.0}
        ... )
        >>> H.coordinates, dict(H.parameters)                                   # doctest: +SKIP
        (('t',), {'A': array(2.)})
        """
        from anticrossing.hamiltonian import _qutip

        make: Any = cls
        arguments = named_values("args", args)
        when = None if times is None else increasing("times", times)
        if slope is not None:
            matrices = []
            for name, one in (("given", given), ("slope", slope)):
                if not is_qobj(one):
                    raise fail(name, "be a Qobj where there is a slope", f"it is {describe(one)}")
                matrices.append(one)
            terms = [(1, matrices[0]), (coordinate, matrices[1])]
            return make.from_terms(terms, coordinates=coordinate, **details)
        read = _qutip.read(given, arguments, when)
        if read is None:
            at, dimension, dims = _qutip.function_of_time(given, arguments)
            made = {"dims": dims, "dimension": dimension, **details}
            return make.from_function(at, coordinates="t", **made)
        made = {"dims": read.dims, **details}
        return make.from_terms(
            read.pairs, parameters=read.parameters, coordinates=read.coordinates, **made
        )

    @classmethod
    def from_scqubits(
        cls,
        given: Any,
        parameter: str,
        values: npt.ArrayLike | None = None,
        *,
        coordinate: str = "x",
        tolerance: float = 1e-9,
        **details: Any,
    ) -> Self:
        """Build H(x) of a circuit from scqubits, x one of its parameters, in a basis that stays.

        scqubits writes a `HilbertSpace` in bare eigenstates, which turn with the parameter. Here
        every subsystem is written in what its lowest `truncated_dim` states span over the range,
        and H(x) in the product of these, as a Chebyshev series in x.

        Parameters
        ----------
        given : HilbertSpace or ParameterSweep
            It is moved through the range, and left as it was.
        parameter : str
            ``"q1.flux"``, the attribute of a subsystem by its `id_str`; of a `ParameterSweep` the
            name of one of its parameters, while the others keep their first values.
        values : array, shape (2,)
            The ends of the range; of a `ParameterSweep` by default those of the sweep. Outside of
            them, beyond a margin of 2 %, H is not finite.
        coordinate : str
            The name of x.
        tolerance : float
            Wanted accuracy of H, of its largest element.
        **details
            As for `from_terms`; units are those of scqubits and ns by default.

        Raises
        ------
        InputError
            For anything else, a parameter that is not there, an interaction given as text, or more
            than 512 states.
        ConvergenceError
            If H is not smooth in the range, as a symmetric transmon at half a flux quantum.
        """
        from anticrossing.hamiltonian import _scqubits

        expression.check_name(coordinate)
        accuracy = number_between("tolerance", tolerance, 1e-12, 1e-3)
        found = _scqubits.read(given, parameter, values, coordinate, accuracy)
        units = Units(found.energy, "ns", str(parameter))
        made = {"dims": found.dims, "units": units, **details}
        make: Any = cls
        return make.from_terms(found.pairs, coordinates=coordinate, **made)

    def to_qutip(self, drive: Callable[[Any], Any] | None = None) -> Any:
        """Return H as a `Qobj` of QuTiP, or as a `QobjEvo` if it depends on time.

        QuTiP takes angular frequencies: energies are multiplied by ``units.angular``, the radians
        that one unit of energy makes in one unit of time.

        Parameters
        ----------
        drive : Drive, optional
            The position at every time. Without one the coordinate itself is QuTiP's time.

        Raises
        ------
        InputError
            For a batch of parameters, or several coordinates without a `drive.Path`.
        MissingExtraError
            If QuTiP is not installed.
        """
        from anticrossing.hamiltonian import _to_qutip

        if drive is None and len(self.coordinates) > 1:
            raise fail("drive", "move all coordinates", "there is none")
        single_point("hamiltonian", self)
        return _to_qutip.evolution(self, drive)


guard(__name__)

"""Hamiltonians H(x) = Σ_k f_k(x; p) M_k: values, exact derivatives, replaceable parameters.

Three concrete kinds share one interface. `TermHamiltonian` holds scalar formulas times constant
Hermitian matrices, which gives vectorised values, exact derivatives in the coordinate and in every
parameter, LaTeX, and symmetry. `FunctionHamiltonian` wraps a Python function, `TableHamiltonian`
puts splines through a table. None knows about time: a drive x(t) supplies that, and along a
`Curve` through several coordinates H becomes one of the coordinate time.
"""

from anticrossing._core.public import guard
from anticrossing.hamiltonian._arguments import (
    Matrices,
    check_entries,
    check_finite_hermitian,
    coordinate_names,
    describe_value,
    number_array,
)
from anticrossing.hamiltonian.base import Hamiltonian
from anticrossing.hamiltonian.curve import Curve, check_fits, formulas_in
from anticrossing.hamiltonian.functions import FunctionHamiltonian
from anticrossing.hamiltonian.mean_field import MeanField
from anticrossing.hamiltonian.table import TableHamiltonian
from anticrossing.hamiltonian.terms import TermHamiltonian

__all__ = [
    "Curve",
    "FunctionHamiltonian",
    "Hamiltonian",
    "Matrices",
    "MeanField",
    "TableHamiltonian",
    "TermHamiltonian",
    "check_entries",
    "check_finite_hermitian",
    "check_fits",
    "coordinate_names",
    "describe_value",
    "formulas_in",
    "number_array",
]

guard(__name__)

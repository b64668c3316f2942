"""Inside QuTiP: `propagate` as a method of its solvers.

What enters speaks QuTiP's interface. Objects of QuTiP as arguments and results are everywhere:
`Hamiltonian.from_qutip`, `drive.from_qutip`, `to_qutip`.
"""

from __future__ import annotations

from anticrossing._core.checks import require
from anticrossing._core.public import guard
from anticrossing.qutip._heom import heom

__all__ = ["heom", "register"]

METHOD = "anticrossing"


def register() -> None:
    """Let QuTiP's `sesolve` and `mesolve` follow states by ``options={"method": "anticrossing"}``.

    Nothing is changed before this call; after it the method is known to all solvers of the
    process. It takes the option ``tolerance`` (1e-8), the wanted accuracy of probabilities: where
    the bound on their error is larger, a Python warning says so. Text becomes formulas, samples
    the same spline as QuTiP's, functions Chebyshev series on pieces. All times of ``tlist`` are
    found in one evolution, so its spacing changes nothing.

    Collapse operators are read off the superoperator that QuTiP's solver hands over; they may
    depend on time as [operator, coefficient]. Feedback of the state, ``matrix_form``, and
    generators that are not of Lindblad's form are refused.

    Raises
    ------
    MissingExtraError
        If QuTiP is not installed.

    Examples
    --------
    >>> import anticrossing as ac
    >>> ac.qutip.register()                                                     # doctest: +SKIP
    """
    qutip = require("qutip", "qutip", "`register`")
    from anticrossing.qutip._integrator import PanelIntegrator

    for solver in (qutip.SESolver, qutip.MESolver):
        solver.add_integrator(PanelIntegrator, METHOD)


guard(__name__)

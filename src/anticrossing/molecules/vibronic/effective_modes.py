"""The few modes of many that electrons feel first."""

from __future__ import annotations

import numpy as np

from anticrossing._core.checks import FloatArray, fail, instance, integer
from anticrossing.models.vibronic_coupling import VibronicCoupling

_SAME = 1e-10  # of the largest: directions that are already there


def effective_modes(hamiltonian: VibronicCoupling, order: int = 0) -> VibronicCoupling:
    """Return the linear model in the modes that the first steps of the motion reach.

    The vectors L^(ab) of all elements of the coupling span directions V in the space of the modes;
    ``order`` m adds ω V … ω^m V. In these X = Uᵀ Q the frequencies are the eigenvalues of
    Uᵀ ω U, and the couplings are all there. The rest is coupled to the last of them only, and is
    left out but for its zero-point energy.

    From the vibrational ground state the moments ⟨Hⁿ⟩ are those of all modes up to n = 2m + 3,
    three modes for two states at m = 0; so populations are right for a short time, and for longer
    with every order, until nothing is left out.

    Parameters
    ----------
    hamiltonian : VibronicCoupling
        Without quadratic couplings.
    order : int
        m.

    Returns
    -------
    VibronicCoupling
        Of at most (m + 1) N(N + 1)/2 coordinates X1, X2 …, for a real model.

    Raises
    ------
    InputError
        For quadratic couplings, or a model without any coupling to its modes.

    References
    ----------
    L. S. Cederbaum, E. Gindensperger and I. Burghardt, Phys. Rev. Lett. 94, 113003 (2005); H.
    Tamura, E. R. Bittner and I. Burghardt, J. Chem. Phys. 127, 034706 (2007).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> linear = 0.02 * rng.standard_normal((20, 2, 2))
    >>> bath = VibronicCoupling(
    ...     energies=[0.0, 0.3],
    ...     frequencies=np.linspace(0.05, 0.2, 20),
    ...     linear=linear + linear.swapaxes(1, 2),
    ... )
    >>> [len(effective_modes(bath, order).coordinates) for order in (0, 1, 2)]
    [3, 6, 9]
    """
    instance("hamiltonian", hamiltonian, VibronicCoupling)
    steps = integer("order", order, minimum=0, maximum=1000)
    if np.any(hamiltonian.quadratic):
        raise fail("hamiltonian", "have no quadratic couplings", "it has some")
    omega, linear = hamiltonian.frequencies, hamiltonian.linear
    elements = linear.reshape(len(omega), -1)
    block = np.concatenate([elements.real, elements.imag], axis=1)
    size = float(np.abs(block).max())
    if size == 0:
        raise fail("hamiltonian", "couple states to modes", "all its linear couplings vanish")
    basis = np.zeros((len(omega), 0))
    for _ in range(steps + 1):
        block = _new_directions(block / np.abs(block).max(), basis)
        if not block.shape[1]:
            break
        basis = np.concatenate([basis, block], axis=1)
        block = omega[:, None] * block
    frequencies, turn = np.linalg.eigh(basis.T @ (omega[:, None] * basis))
    basis = basis @ turn
    lost = (omega.sum() - frequencies.sum()) / 2
    return VibronicCoupling(
        energies=hamiltonian.constant + lost * np.eye(hamiltonian.dimension),
        frequencies=frequencies,
        linear=np.einsum("ik,iab->kab", basis, linear),
        coordinates=[f"X{k + 1}" for k in range(frequencies.size)],
        name=hamiltonian.name,
        units=hamiltonian.units,
        labels=hamiltonian.labels,
        source=hamiltonian.source,
    )


def _new_directions(block: FloatArray, basis: FloatArray) -> FloatArray:
    """Return an orthonormal basis of what a block has beside an orthonormal basis."""
    for _ in range(2):  # what rounding leaves of the old directions goes with the second time
        block = block - basis @ (basis.T @ block)
        axes, sizes, _ = np.linalg.svd(block, full_matrices=False)
        block = axes[:, sizes > _SAME]
    return np.asarray(block)

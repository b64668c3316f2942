"""Two surfaces that touch in a point: the linear conical intersection and E⊗e Jahn–Teller."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from anticrossing._core.checks import describe, fail, positive, real_array
from anticrossing.hamiltonian import Hamiltonian
from anticrossing.models.landau_zener import SIGMA_X, SIGMA_Z


def ConicalIntersection(
    *,
    slope: npt.ArrayLike,
    anisotropy: npt.ArrayLike = 1.0,
    tilt_x: npt.ArrayLike = 0.0,
    tilt_y: npt.ArrayLike = 0.0,
) -> Hamiltonian:
    """Two levels that meet in a point of a plane, to first order about it.

    H(x, y) = κ [(t_x x + t_y y) 𝟙 + x σ_z + a y σ_x]

    The levels are κ(t_x x + t_y y ± √(x² + a²y²)); x is the tuning coordinate (vector g), y the
    coupling coordinate (vector h). The diabatic coupling at the closest approach of the straight
    path y = b is κab. The intersection is peaked where t_x² + (t_y/a)² < 1, sloped otherwise.

    Parameters
    ----------
    slope : float or array
        κ > 0 (energy per coordinate): half the slope difference along x.
    anisotropy : float or array
        a > 0, the slope along y over the slope along x.
    tilt_x, tilt_y : float or array
        t_x and t_y, the mean slopes in units of κ.

    Returns
    -------
    Hamiltonian
        With coordinates (x, y) and the parameters `slope`, `anisotropy`, `tilt_x`, `tilt_y`.

    References
    ----------
    G. J. Atchity, S. S. Xantheas and K. Ruedenberg, J. Chem. Phys. 95, 1862 (1991);
    D. R. Yarkony, J. Chem. Phys. 114, 2601 (2001).

    Examples
    --------
    >>> ConicalIntersection(slope=2.0)([0.3, 0.4])
    array([[ 0.6,  0.8],
           [ 0.8, -0.6]])
    """
    return Hamiltonian.from_terms(
        [
            ("slope*(tilt_x*x + tilt_y*y)", np.eye(2)),
            ("slope*x", SIGMA_Z),
            ("slope*anisotropy*y", SIGMA_X),
        ],
        parameters={
            "slope": positive("slope", slope),
            "anisotropy": positive("anisotropy", anisotropy),
            "tilt_x": real_array("tilt_x", tilt_x),
            "tilt_y": real_array("tilt_y", tilt_y),
        },
        coordinates=("x", "y"),
        name="ConicalIntersection",
        source="G. J. Atchity, S. S. Xantheas and K. Ruedenberg, J. Chem. Phys. 95, 1862 (1991)",
    )


def JahnTeller(*, linear: npt.ArrayLike, quadratic: npt.ArrayLike = 0.0) -> Hamiltonian:
    """A doubly degenerate state in a doubly degenerate vibration, E⊗e.

    H(x, y) = ½(x² + y²) 𝟙 + k (x σ_z + y σ_x) + ½ g [(x² − y²) σ_z − 2xy σ_x]

    in units of the vibrational quantum, x and y dimensionless: the kinetic energy that belongs to
    it is ½(p_x² + p_y²). The states are the components (θ, ε) of E, and (x, y) = (Q_θ, Q_ε)
    transform like them. With x = ρ cos φ, y = ρ sin φ the levels are

    E± = ½ρ² ± ρ √(k² + k g ρ cos 3φ + ¼ g² ρ²):

    a cone at ρ = 0; for g = 0 a circular trough of depth ½k² at ρ = |k|; for g ≠ 0 three minima of
    depth k²/(2(1 − |g|)) at ρ = |k|/(1 − |g|), saddles at ρ = |k|/(1 + |g|) between them, and
    three further cones at ρ = 2|k/g| behind the saddles.

    Parameters
    ----------
    linear : float or array
        k, the linear coupling.
    quadratic : float or array
        g, the quadratic coupling, |g| < 1: beyond that the lower surface has no bottom.

    Returns
    -------
    Hamiltonian
        With coordinates (x, y) and the parameters `linear` and `quadratic`.

    References
    ----------
    H. C. Longuet-Higgins, U. Öpik, M. H. L. Pryce and R. A. Sack, Proc. R. Soc. A 244, 1 (1958);
    I. B. Bersuker, The Jahn–Teller Effect (Cambridge, 2006).

    Examples
    --------
    >>> import numpy as np
    >>> np.linalg.eigvalsh(JahnTeller(linear=2.0)([0.0, 2.0]))[0]      # the trough, −k²/2
    np.float64(-2.0)
    """
    curvature = real_array("quadratic", quadratic)
    if np.any(np.abs(curvature) >= 1):
        raise fail("quadratic", "lie between −1 and 1", f"it is {describe(quadratic)}")
    return Hamiltonian.from_terms(
        [
            ("(x**2 + y**2)/2", np.eye(2)),
            ("linear*x + quadratic*(x**2 - y**2)/2", SIGMA_Z),
            ("linear*y - quadratic*x*y", SIGMA_X),
        ],
        parameters={"linear": real_array("linear", linear), "quadratic": curvature},
        coordinates=("x", "y"),
        name="JahnTeller",
        labels=("theta", "epsilon"),
        source="H. C. Longuet-Higgins et al., Proc. R. Soc. A 244, 1 (1958)",
    )

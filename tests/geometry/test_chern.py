import numpy as np
import pytest
from hypothesis import given, strategies as st

from anticrossing import Hamiltonian
from anticrossing._core.checks import ConvergenceError, InputError
from anticrossing.geometry.chern import Sphere, Torus, chern_number, plaquette_fluxes
from anticrossing.geometry.curvature import berry_curvature
from tests.effort import slow

# X.-L. Qi, Y.-S. Wu, S.-C. Zhang, Phys. Rev. B 74, 085308 (2006)
QI_WU_ZHANG = Hamiltonian.from_matrix(
    [
        ["m + cos(kx) + cos(ky)", "sin(kx) - I*sin(ky)"],
        ["sin(kx) + I*sin(ky)", "-m - cos(kx) - cos(ky)"],
    ],
    coordinates=("kx", "ky"),
    parameters={"m": 1.0},
)


def haldane(mass, phase, hopping=0.1):
    """F. D. M. Haldane, Phys. Rev. Lett. 61, 2015 (1988), in reduced coordinates k·a₁, k·a₂."""
    sines = "(sin(a) - sin(b) - sin(a - b))"
    d3 = f"({float(mass)!r}) + ({float(2 * hopping * np.sin(phase))!r})*{sines}"
    return Hamiltonian.from_matrix(
        [
            [d3, "1 + cos(a) + cos(b) - I*(sin(a) + sin(b))"],
            ["1 + cos(a) + cos(b) + I*(sin(a) + sin(b))", f"-({d3})"],
        ],
        coordinates=("a", "b"),
    )


def spin_in_field(spin):
    m = np.arange(spin, -spin - 1, -1)
    plus = np.diag(np.sqrt(spin * (spin + 1) - m[1:] * (m[1:] + 1)), 1)
    matrices = ((plus + plus.T) / 2, (plus - plus.T) / 2j, np.diag(m))
    return Hamiltonian.from_terms(
        list(zip("xyz", matrices, strict=True)), coordinates=("x", "y", "z")
    )


@pytest.mark.parametrize(
    ("mass", "value"),
    [
        slow(-2.5, 0),
        slow(-2.0001, 0),
        (-1.9999, 1),
        slow(-1, 1),
        slow(-1e-6, 1),
        slow(1e-6, -1),
        (1, -1),
        slow(1.999999, -1),
        (2.000001, 0),
        slow(3, 0),
    ],
)
def test_the_qi_wu_zhang_phase_diagram_and_the_sum_over_bands(mass, value):
    lower = chern_number(QI_WU_ZHANG.replace(m=mass), levels=0)
    upper = chern_number(QI_WU_ZHANG.replace(m=mass), levels=1)
    assert (lower.value, upper.value) == (value, -value)
    assert lower.residual < 1e-9
    assert lower.largest_flux <= 0.5
    # Dirac points sit at the four momenta that are their own negatives
    gap = 2 * min(abs(mass + a) for a in (2, 0, -2))
    assert lower.smallest_gap == pytest.approx(gap, rel=1e-7)
    assert np.allclose(np.sin(lower.smallest_gap_at), 0, atol=1e-6)


def test_the_curvature_integrates_to_the_number():
    """The trapezoidal rule on a torus is spectrally accurate."""
    k = np.arange(80) * 2 * np.pi / 80
    points = np.stack(np.meshgrid(k, k, indexing="ij"), axis=-1)
    for mass in (-1.2, 0.9):
        hamiltonian = QI_WU_ZHANG.replace(m=mass)
        curvature = berry_curvature(hamiltonian, points, levels=0, plane=("kx", "ky"))
        total = curvature.sum() * (2 * np.pi / 80) ** 2 / (2 * np.pi)
        assert total == pytest.approx(chern_number(hamiltonian, levels=0).value, abs=1e-9)


@pytest.mark.parametrize("phase", [slow(-2.0), slow(-0.7), 0.4, slow(np.pi / 2), slow(2.9)])
@pytest.mark.slow
def test_the_haldane_phase_diagram(phase):
    """|M| < 3√3 |t₂ sin φ|: C = ±1 with the sign of φ; otherwise 0."""
    edge = 3 * np.sqrt(3) * 0.1 * abs(np.sin(phase))
    numbers = {}
    for factor in (-1.01, -0.99, 0.0, 0.99, 1.01):
        found = chern_number(haldane(factor * edge, phase), levels=0)
        numbers[factor] = found.value
        assert found.value == -chern_number(haldane(factor * edge, phase), levels=1).value
    assert numbers[1.01] == numbers[-1.01] == 0
    assert numbers[0.99] == numbers[-0.99] == numbers[0.0]
    assert abs(numbers[0.0]) == 1
    opposite = chern_number(haldane(0.0, -phase), levels=0).value
    assert opposite == -numbers[0.0]


@pytest.mark.parametrize("spin", [slow(0.5), 1, slow(1.5)])
def test_a_sphere_around_the_origin_holds_minus_two_m(spin):
    hamiltonian = spin_in_field(spin)
    around = Sphere(centre=(0.3, -0.2, 0.4), radius=1.1)
    numbers = [
        chern_number(hamiltonian, levels=level, surface=around).value
        for level in range(hamiltonian.dimension)
    ]
    assert numbers == [int(-2 * m) for m in np.arange(-spin, spin + 1)]
    beside = Sphere(centre=(1.5, 0.0, 0.0))
    assert chern_number(hamiltonian, levels=0, surface=beside).value == 0


@pytest.mark.slow
def test_levels_together_hold_the_sum_and_may_meet():
    """Spin 1/2 twice, displaced: the pair of lower levels cross, the set has both charges."""
    half = spin_in_field(0.5)

    def two(point):
        h = np.zeros((*point.shape[:-1], 4, 4), dtype=complex)
        h[..., :2, :2] = half(point)
        h[..., 2:, 2:] = half(point * np.array([1.0, 1.0, 2.0]))
        return h

    hamiltonian = Hamiltonian.from_function(
        two, coordinates=("x", "y", "z"), dimension=4, vectorised=True
    )
    assert chern_number(hamiltonian, levels=[0, 1], surface=Sphere(), grid=12).value == 2
    with pytest.raises(InputError, match="must be separated from the others by a gap"):
        chern_number(hamiltonian, levels=0, surface=Sphere(), grid=12)
    spin = spin_in_field(1)
    assert chern_number(spin, levels=[0, 1], surface=Sphere()).value == 2
    assert chern_number(spin, levels=[0, 1, 2], surface=Sphere()).value == 0


def test_a_function_as_a_surface_and_its_orientation():
    def ellipsoid(u, v):
        theta, phi = np.pi * u, 2 * np.pi * v
        return np.stack(
            (3 * np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), 0.5 * np.cos(theta)), -1
        )

    hamiltonian = spin_in_field(0.5)
    assert int(chern_number(hamiltonian, levels=0, surface=ellipsoid)) == 1
    assert int(chern_number(hamiltonian, levels=0, surface=lambda u, v: ellipsoid(v, u))) == -1


@pytest.mark.slow
def test_a_sphere_next_to_the_degeneracy_is_resolved():
    hamiltonian = spin_in_field(0.5)
    for offset, value in ((1 - 1e-8, 1), (1 + 1e-8, 0)):
        found = chern_number(hamiltonian, levels=0, surface=Sphere(centre=(0.0, offset, 0.0)))
        assert found.value == value
        assert found.smallest_gap == pytest.approx(1e-8, rel=1e-6)


@pytest.mark.slow
def test_a_torus_with_another_origin_and_its_periods():
    shifted = Torus(origin=(0.3, -1.0))
    assert chern_number(QI_WU_ZHANG, levels=0, surface=shifted).value == -1
    twice = Torus(periods=(4 * np.pi, 2 * np.pi))
    assert chern_number(QI_WU_ZHANG, levels=0, surface=twice).value == -2
    assert (
        chern_number(QI_WU_ZHANG, levels=0, surface=Torus(periods=(-2 * np.pi, 2 * np.pi))).value
        == 1
    )


@given(seed=st.integers(0, 1000))
def test_plaquette_fluxes_do_not_depend_on_phases(seed):
    rng = np.random.default_rng(seed)
    k = np.linspace(0, 2 * np.pi, 11)
    points = np.stack(np.meshgrid(k, k, indexing="ij"), axis=-1)
    _, vectors = np.linalg.eigh(QI_WU_ZHANG.replace(m=-1.0)(points))
    phases = np.exp(1j * rng.uniform(0, 2 * np.pi, size=(11, 11, 1, 1)))
    first, second = (plaquette_fluxes(v) for v in (vectors[..., :1], vectors[..., :1] * phases))
    assert np.max(np.abs(first - second)) < 1e-12
    closed = vectors[..., :1] * phases
    closed[-1], closed[:, -1] = closed[0], closed[:, 0]
    assert plaquette_fluxes(closed).sum() == pytest.approx(2 * np.pi, abs=1e-10)


@pytest.mark.parametrize("mass", [-2.0, 0.0, 2.0])
def test_a_gap_that_closes_is_an_error_that_says_where(mass):
    with pytest.raises(InputError, match=r"it closes at \(.*\) \(gap") as caught:
        chern_number(QI_WU_ZHANG.replace(m=mass), levels=0)
    assert "Argument `levels` must be separated" in str(caught.value)
    # closed between the points of the grid
    with pytest.raises(InputError, match="it closes at"):
        chern_number(
            QI_WU_ZHANG.replace(m=mass), levels=0, surface=Torus(origin=(0.0123, 0.0456)), grid=7
        )


def test_levels_that_meet_along_a_line():
    hamiltonian = Hamiltonian.from_matrix(
        [["cos(kx)", "0"], ["0", "-cos(kx)"]], coordinates=("kx", "ky")
    )
    with pytest.raises(InputError, match="it closes at"):
        chern_number(hamiltonian, levels=0, grid=9)


@pytest.mark.slow
def test_a_hamiltonian_that_jumps():
    def jump(k):
        inside = (k[..., 0] < 0.123) | (k[..., 0] > 3)
        return np.where(inside[..., None, None], np.diag([1.0, -1.0]), np.eye(2)[::-1])

    hamiltonian = Hamiltonian.from_function(jump, coordinates=("kx", "ky"), vectorised=True)
    with pytest.raises(ConvergenceError, match="not continuous on the surface"):
        chern_number(hamiltonian, levels=0, grid=4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"levels": 2}, "`levels` must lie between 0 and 1"),
        ({"grid": 3}, "`grid` must be at least 4"),
        ({"grid": 8.0}, "`grid` must be an integer"),
        ({"grid": 10**30}, "`grid` must be at most 1414"),
        ({"surface": Sphere()}, "it is a Sphere, which has 3"),
        ({"surface": "torus"}, "`surface` must be a Torus, a Sphere or a function"),
        ({"surface": Torus}, "`surface` must be a Torus, a Sphere or a function"),
        ({"surface": Torus(periods=(3.0, 2 * np.pi))}, "`surface` must be closed, but H differs"),
        ({"surface": lambda u, v: u}, r"`surface` must return points of shape"),
        ({"hamiltonian": QI_WU_ZHANG.replace(m=[1.0, 2.0])}, "single parameter values"),
        ({"hamiltonian": spin_in_field(1)}, "`surface` must be given for a Hamiltonian"),
    ],
)
def test_bad_arguments(arguments, message):
    call = {"hamiltonian": QI_WU_ZHANG, "levels": 0, **arguments}
    with pytest.raises(InputError, match=message):
        chern_number(call.pop("hamiltonian"), **call)


def test_bad_surfaces_and_vectors():
    with pytest.raises(InputError, match="`periods` must be a pair"):
        Torus(periods=(1.0,))
    with pytest.raises(InputError, match="`periods` must not be zero"):
        Torus(periods=(1.0, 0.0))
    with pytest.raises(InputError, match="`centre` must be a list of 3"):
        Sphere(centre=(0.0, 0.0))
    with pytest.raises(InputError, match="`radius` must be a positive number"):
        Sphere(radius=0.0)
    with pytest.raises(InputError, match="`vectors` must have shape"):
        plaquette_fluxes(np.ones((3, 2, 1)))
    with pytest.raises(InputError, match="`vectors` must overlap from each point to the next"):
        plaquette_fluxes(np.zeros((3, 3, 2, 1)))

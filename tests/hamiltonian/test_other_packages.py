"""Objects of QuTiP and others are taken for what they are, and QuTiP's are given back."""

from collections import UserDict

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.sparse.linalg import LinearOperator

import anticrossing as ac
from anticrossing._core import foreign
from tests.effort import slow

qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")

# QuTiP runs texts by itself where Cython is missing, and says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*cython.*"),
    pytest.mark.filterwarnings("ignore:The signature f.t, args. is deprecated"),
]

X, Z, LOWER = qutip.sigmax(), qutip.sigmaz(), qutip.destroy(2)
TIMES = np.linspace(-3.0, 3.0, 25)
TWO = qutip.tensor(X, qutip.qeye(3)) + 0.3 * qutip.tensor(Z, qutip.num(3))
MOVING = qutip.tensor(Z, qutip.qeye(3))


def exact(matrix, start, times=TIMES):
    """Return the states at the times by a Runge–Kutta method of order 8."""
    found = solve_ivp(
        lambda t, psi: -1j * (matrix(t) @ psi),
        (times[0], times[-1]),
        np.asarray(start, dtype=complex),
        method="DOP853",
        t_eval=times,
        rtol=1e-12,
        atol=1e-13,
    )
    return found.y.T


def spline(values):
    from scipy.interpolate import CubicSpline

    return CubicSpline(TIMES, values)  # not-a-knot, as QuTiP's


def rotating():
    turn = qutip.coefficient("exp(1j*w*t)", args={"w": 1.5})
    return qutip.QobjEvo([X, [LOWER, turn]]) + qutip.QobjEvo([[LOWER.dag(), turn.conj()]])


SAMPLES = np.sin(2 * TIMES) + 0.2 * TIMES
CASES = {
    "a formula": ([X, [Z, "a*t"]], {"a": 2.0}, lambda t: X.full() + 2 * t * Z.full()),
    "a function of arrays": (
        [X, [Z, lambda t, a: a * np.sin(t)]],
        {"a": 2.0},
        lambda t: X.full() + 2 * np.sin(t) * Z.full(),
    ),
    "a function of one time": (
        [X, [Z, lambda t, args: args["a"] * t if t > 0 else 0.0]],
        {"a": 2.0},
        lambda t: X.full() + 2 * max(t, 0.0) * Z.full(),
    ),
    "samples": ([X, [Z, SAMPLES]], {}, lambda t: X.full() + spline(SAMPLES)(t) * Z.full()),
    "complex samples": (
        [X, [LOWER, SAMPLES + 1j * TIMES], [LOWER.dag(), SAMPLES - 1j * TIMES]],
        {},
        lambda t: (
            X.full()
            + (spline(SAMPLES)(t) + 1j * t) * LOWER.full()
            + (spline(SAMPLES)(t) - 1j * t) * LOWER.dag().full()
        ),
    ),
    "a rotating field as text": (
        [X, [LOWER, "exp(1j*w*t)"], [LOWER.dag(), "np.exp(-1j*w*t)"]],
        {"w": 1.5},
        lambda t: X.full() + np.array([[0, np.exp(1.5j * t)], [np.exp(-1.5j * t), 0]]),
    ),
    "a rotating field as functions": (
        [X, [LOWER, lambda t: np.exp(1.5j * t)], [LOWER.dag(), lambda t: np.exp(-1.5j * t)]],
        {},
        lambda t: X.full() + np.array([[0, np.exp(1.5j * t)], [np.exp(-1.5j * t), 0]]),
    ),
    "a QobjEvo with products and conjugates": (
        rotating,
        {},
        lambda t: X.full() + np.array([[0, np.exp(1.5j * t)], [np.exp(-1.5j * t), 0]]),
    ),
    "arguments with names of ours": (
        [X, [Z, "I*t + pi"]],
        {"I": 2.0, "pi": 0.5},
        lambda t: X.full() + (2 * t + 0.5) * Z.full(),
    ),
    "an argument that is a list": (
        [X, [Z, "a[1]*t"]],
        {"a": [1.0, 2.0]},
        lambda t: X.full() + 2 * t * Z.full(),
    ),
    "text that is Python": ([X, [Z, "abs(t)"]], {}, lambda t: X.full() + abs(t) * Z.full()),
    "one function": (lambda t: X + t * Z, {}, lambda t: X.full() + t * Z.full()),
}


QUICK = ("a formula", "a function of arrays", "a rotating field as text")


@pytest.mark.parametrize("name", [name if name in QUICK else slow(name) for name in CASES])
def test_what_qutip_takes_is_the_same_evolution(name):
    given, args, matrix = CASES[name]
    if given is rotating:
        given = rotating()
    H, drive = ac.drive.from_qutip(given, TIMES, args=args)
    found = ac.propagate(H, drive, initial=qutip.basis(2, 0), times=TIMES)
    assert np.max(np.abs(found.states - exact(matrix, [1, 0]))) < 1e-8
    assert H.dims == ((2,), (2,))


def test_a_list_goes_straight_into_propagate():
    given = [X, [Z, "2*t"]]
    start = qutip.basis(2, 0)
    found = ac.propagate(given, TIMES, initial=start)
    wanted = exact(lambda t: X.full() + 2 * t * Z.full(), [1, 0])
    assert np.max(np.abs(found.states - wanted)) < 1e-9
    z = np.abs(wanted[:, 0]) ** 2 - np.abs(wanted[:, 1]) ** 2
    assert np.max(np.abs(found.expect(Z) - z)) < 1e-9
    assert ac.propagate(given, TIMES[[0, -1]], initial=start).times.size == 0
    opened = ac.propagate(
        given, TIMES, initial=qutip.ket2dm(start), environment=ac.Lindblad([LOWER])
    )
    theirs = qutip.mesolve(
        given, start, TIMES, c_ops=[LOWER], e_ops=[Z], options={"atol": 1e-12, "rtol": 1e-11}
    )
    assert np.max(np.abs(opened.expect(Z) - theirs.expect[0])) < 1e-8


def test_arguments_of_texts_are_parameters():
    H = ac.Hamiltonian.from_qutip([X, [Z, "A*sin(w*t)"]], args={"A": [1.0, 2.0], "w": 3.0})
    assert H.coordinates == ("t",)
    assert H.batch_shape == (2,)
    assert np.allclose(H(0.5)[1], X.full() + 2 * np.sin(1.5) * Z.full(), rtol=1e-14)
    crossings = ac.find_crossings(H.replace(A=2.0), 0.1, 2.0)
    assert [round(c.position, 6) for c in crossings if c.kind == "avoided"] == [round(np.pi / 3, 6)]


def test_two_operators_make_a_line_in_the_coordinate():
    H = ac.Hamiltonian.from_qutip(TWO, MOVING, coordinate="detuning")
    assert H.coordinates == ("detuning",)
    assert H.dims == ((2, 3), (2, 3))
    assert np.allclose(H(0.7), (TWO + 0.7 * MOVING).full())


def test_factors_known_by_values_are_coordinates():
    H = ac.Hamiltonian.from_qutip([X, [Z, lambda t: np.sin(t)]])
    assert H.coordinates == ("f1",)
    assert [c.gap for c in ac.find_crossings(H, -1, 1)] == pytest.approx([2.0])


@pytest.mark.parametrize("read_out", ["final_state", "states", "propagator"])
def test_dimensions_come_back(read_out):
    start = qutip.tensor(*map(qutip.basis, (2, 3)))
    found = ac.propagate([TWO, [MOVING, "t"]], TIMES, initial=start)
    given = found.to_qutip(read_out)
    if read_out == "states":
        assert len(given) == TIMES.size
        given = given[-1]
    assert given.dims == (TWO.dims if read_out == "propagator" else start.dims)
    wanted = found.propagator if read_out == "propagator" else found.final_state[:, None]
    assert np.array_equal(given.full(), wanted)


def test_the_superoperator_comes_back_with_columns_stacked():
    given = [X, [Z, "t"]]
    found = ac.propagate(given, [0.0, 1.0], environment=ac.Lindblad([0.5 * LOWER]))
    theirs = qutip.propagator(given, 1.0, [0.5 * LOWER], options={"atol": 1e-12, "rtol": 1e-11})
    ours = found.to_qutip("propagator")
    assert ours.issuper
    assert np.max(np.abs(ours.full() - theirs.full())) < 1e-9
    rho = found.to_qutip()
    assert rho.isoper
    assert np.array_equal(rho.full(), found.density_matrix)


def test_a_batch_makes_nested_lists():
    found = ac.propagate(ac.models.LandauZener(gap=[0.5, 1.0]), ac.drive.Linear(-5, 5, rate=1.0))
    kets = found.to_qutip()
    assert len(kets) == 2
    assert np.array_equal(kets[1].full()[:, 0], found.final_state[1])


@pytest.mark.parametrize("units", [ac.Units(), slow(ac.Units("GHz", "ns"))])
def test_a_hamiltonian_becomes_one_of_qutip(units):
    cone = ac.Hamiltonian.from_matrix(
        [["x", "c*y"], ["c*y", "-x"]], parameters={"c": 0.5}, coordinates=("x", "y")
    )
    sweep = ac.drive.Linear(-3, 3, rate=1.0)
    path = ac.drive.Path(y=ac.drive.Formula("1 + sin(t)", -3, 3), x=sweep)
    theirs = cone.with_units(units).to_qutip(path)
    wanted = units.angular * np.array([[0.7, 0.5 * (1 + np.sin(0.7))], [0, -0.7]])
    wanted[1, 0] = wanted[0, 1]
    assert np.allclose(theirs(0.7).full(), wanted, rtol=1e-14)
    solved = qutip.sesolve(
        theirs, qutip.basis(2, 0), [-3, 3], options={"atol": 1e-11, "rtol": 1e-11}
    )
    ours = ac.propagate(cone.with_units(units), path, initial=[1, 0])
    assert np.max(np.abs(solved.states[-1].full()[:, 0] - ours.final_state)) < 1e-7
    whole = ac.Hamiltonian.from_function(lambda x: np.array([[x, 1.0], [1.0, -x]]))
    assert np.allclose(whole.to_qutip(sweep)(0.5).full(), [[0.5, 1], [1, -0.5]])
    constant = ac.Hamiltonian.from_terms([(2.0, TWO)])
    assert constant.to_qutip() == 2 * TWO


@pytest.mark.slow
def test_large_sparse_operators_stay_sparse():
    ring = sum(
        qutip.tensor([X if k in (j, j + 1) else qutip.qeye(2) for k in range(10)]) for j in range(9)
    )
    field = sum(
        qutip.tensor([Z if k == j else qutip.qeye(2) for k in range(10)]) for j in range(10)
    )
    H = ac.Hamiltonian.from_qutip(ring, field)
    assert H.is_sparse
    assert H.dims == ((2,) * 10, (2,) * 10)
    start = qutip.basis([2] * 10, [0] * 10)
    found = ac.propagate(
        H, ac.drive.Linear(-1, 1, rate=1.0), initial=start, basis="diabatic", times=[0]
    )
    theirs = qutip.sesolve(
        [ring, [field, "t"]], start, [-1.0, 0.0, 1.0], e_ops=[ring], options={"rtol": 1e-9}
    )
    assert found.expect(ring)[0] == pytest.approx(theirs.expect[0][1], abs=1e-5)
    assert found.to_qutip().dims == start.dims


TAKEN = {
    "symmetry": lambda M: ac.spectrum.Symmetry.operator(M(Z)).labels,
    "axis": lambda M: ac.environment.FixedAxisDephasing(0.1, M(Z)).axis,
    "thermal": lambda M: ac.ThermalRelaxation(temperature=1.0, t1=2.0, operator=M(X)).operator,
    "jump": lambda M: ac.Lindblad([("exp(-x**2)", M(LOWER))]).terms[0][1],
    "correlations": lambda M: ac.dynamics.GaussianState(M(0.5 * qutip.qeye(2))).correlation_matrix,
    "terms": lambda M: ac.Hamiltonian.from_terms([("x", M(Z))]).matrices[0],
}


@pytest.mark.parametrize("take", TAKEN.values(), ids=TAKEN)
def test_operators_are_taken_where_matrices_are(take):
    ours, theirs = take(lambda operator: operator.full()), take(lambda operator: operator)
    assert np.all(np.asarray(ours) == np.asarray(theirs))


@pytest.mark.slow
def test_arrays_of_jax_dynamiqs_pandas_and_xarray_are_matrices():
    for module, make in {
        "jax.numpy": lambda m: m.asarray(Z.full().real),
        "dynamiqs": lambda m: m.sigmaz(),
        "pandas": lambda m: m.DataFrame(Z.full().real),
        "xarray": lambda m: m.DataArray(Z.full().real),
    }.items():
        matrix = make(pytest.importorskip(module))
        H = ac.Hamiltonian.from_terms([("x", matrix), (1, X)])
        assert np.array_equal(H(0.5), [[0.5, 1], [1, -0.5]])
    dynamiqs = pytest.importorskip("dynamiqs")
    sweep = ac.drive.Linear(-1, 1, rate=1.0)
    one, other = (
        ac.propagate(H, sweep, initial=ket).final_state for ket in (dynamiqs.basis(2, 1), [0, 1])
    )
    assert np.array_equal(one, other)


def test_series_and_data_arrays_are_the_numbers_that_they_hold():
    pandas, xarray = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    times = np.linspace(-5.0, 5.0, 21)
    values = np.tanh(times)
    series = pandas.Series(values, index=times)
    labelled = xarray.DataArray(values, dims="t", coords={"t": times})
    plain = ac.drive.Samples(times, values)
    for made in (
        ac.drive.Samples(series.index, series),
        ac.drive.Samples(labelled.t, labelled),
        ac.drive.Samples(pandas.Series(times), pandas.Series(values, dtype="Float64")),
    ):
        assert np.array_equal(made(times + 0.1), plain(times + 0.1))
    assert np.array_equal(
        ac.drive.Piecewise(labelled.t, labelled)(0.3), ac.drive.Piecewise(times, values)(0.3)
    )
    gaps = [0.5, 1.0]
    sweep = ac.drive.Linear(-5, 5, rate=1.0)
    expected = ac.propagate(ac.models.LandauZener(gap=gaps), sweep, times=times[1:-1])
    for batch in (pandas.Series(gaps), xarray.DataArray(gaps, dims="gap")):
        found = ac.propagate(
            ac.models.LandauZener(gap=batch), sweep, times=pandas.Series(times[1:-1])
        )
        assert np.array_equal(found.populations, expected.populations)
        swept = ac.sweep(lambda gap: 2 * gap, grid={"gap": batch}, progress=False)
        assert swept["value"].values.tolist() == [1.0, 2.0]
        assert swept["gap"].values.tolist() == gaps
    for bad in (
        pandas.date_range("2020", periods=21),
        pandas.Series(["a"] * 21),
        pandas.Series([1, None], dtype="Int64"),
    ):
        with pytest.raises(ac.InputError):
            ac.drive.Samples(bad, values)


class Quantity:
    """As much of a quantity with a unit as NumPy would strip silently."""

    def __init__(self, value, dimensionless=False):
        self.magnitude, self.dimensionless = value, dimensionless
        self.dimensionality = UserDict()

    def __array__(self, *args, **kwargs):
        return np.asarray(self.magnitude)

    def __str__(self):
        return f"{self.magnitude} GHz"

    def to(self, unit):
        assert unit == ""
        return self


def test_a_unit_is_never_dropped():
    with pytest.raises(ac.InputError, match=r"has a unit, 5\.0 GHz"):
        ac.models.LandauZener(gap=Quantity(5.0))
    with pytest.raises(ac.InputError):
        ac.drive.Linear(Quantity(-5.0), 5.0, 1.0)
    assert float(foreign.own(Quantity(5.0, dimensionless=True))) == 5.0
    sweep = ac.drive.Linear(-5.0, Quantity(5.0, dimensionless=True), 1.0)
    assert float(sweep.stop) == 5.0


def test_quantities_become_numbers_in_units():
    pint = pytest.importorskip("pint", reason="pint is not installed")
    q, units = pint.UnitRegistry().Quantity, ac.Units("GHz", "ns")
    assert units.number(q(5.0, "MHz")) == pytest.approx(5e-3)
    assert units.number(q(2.0, "us")) == pytest.approx(2e3)
    assert units.number(q(1.0, "eV")) == pytest.approx(241798.92420849)
    assert units.number(q(20.0, "mK")) == pytest.approx(0.4167323824)
    assert units.number(q(1.0, "1/cm")) == pytest.approx(29.9792458)
    assert units.number(q(3.0, "1/us")) == pytest.approx(3e-3)
    assert units.number(q(4.0, "MHz/us")) == pytest.approx(4e-6)
    assert units.number(q([1.0, 2.0], "MHz")) == pytest.approx([1e-3, 2e-3])
    xarray = pytest.importorskip("xarray")
    wrapped = xarray.DataArray(q([1.0, 2.0], "MHz"), dims="gap")
    assert units.number(wrapped) == pytest.approx([1e-3, 2e-3])
    for given in (wrapped, q(5.0, "GHz")):
        with pytest.raises(ac.InputError, match=r"has a unit, .* write units.number\(gap\)"):
            ac.models.LandauZener(gap=given)
    with pytest.raises(ac.InputError, match=r"units.number\(parameters\['g'\]\)"):
        ac.Hamiltonian.from_matrix([["g"]], parameters={"g": q(5.0, "GHz")})
    for bad in (q(1.0, "kg"), q(1.0, "m")):
        with pytest.raises(ac.InputError, match="must be an energy"):
            units.number(bad)
    with pytest.raises(ac.InputError, match="natural"):
        ac.Units().number(q(1.0, "MHz"))


class Subsystem:
    """As much of a qubit of scqubits as names its parameters."""

    id_str, EJ = "q1", 20.0

    @staticmethod
    def default_params():
        return {"EJ": 20.0, "EC": 0.3, "id_str": None}


def space():
    """Return as much of a `HilbertSpace` of scqubits as holds one subsystem."""
    made = type("HilbertSpace", (), {"__module__": "scqubits.core", "interaction_list": []})()
    made.subsystem_list = [Subsystem()]
    return made


@pytest.mark.parametrize(
    ("parameter", "told"),
    [
        ("q2.EJ", "a subsystem of q1"),
        ("q1.EL", "one of EJ, EC, but `EL` is none; did you mean"),
        ("q1.default_params", "a number of q1"),
        ("EJ", "SUBSYSTEM.PARAMETER"),
    ],
)
def test_parameters_of_a_circuit_are_named(parameter, told):
    with pytest.raises(ac.InputError, match=told):
        ac.Hamiltonian.from_scqubits(space(), parameter, (10.0, 20.0))


BAD = {
    "no operator": lambda: ac.Hamiltonian.from_qutip(5),
    "an empty list": lambda: ac.Hamiltonian.from_qutip([]),
    "a list of numbers": lambda: ac.Hamiltonian.from_qutip([1.0, 2.0]),
    "an unknown name": lambda: ac.Hamiltonian.from_qutip([X, [Z, "b*t"]], args={"a": 1.0}),
    "no Hermitian operator": lambda: ac.Hamiltonian.from_qutip(LOWER),
    "no Hermitian sum": lambda: ac.Hamiltonian.from_qutip([X, [LOWER, "exp(1j*t)"]]),
    "no Hermitian sum of functions": lambda: ac.drive.from_qutip(
        [[LOWER, lambda t: t], [LOWER.dag(), lambda t: t + 1e-3]], [0, 1]
    ),
    "samples without times": lambda: ac.Hamiltonian.from_qutip([X, [Z, SAMPLES]]),
    "samples of other times": lambda: ac.drive.from_qutip([X, [Z, SAMPLES]], [0.0, 1.0]),
    "operators of two sizes": lambda: ac.Hamiltonian.from_qutip([X, [qutip.num(3), "t"]]),
    "a ket": lambda: ac.Hamiltonian.from_qutip(qutip.basis(2, 0)),
    "a slope of a moving matrix": lambda: ac.Hamiltonian.from_qutip([X, [Z, "t"]], Z),
    "times that do not increase": lambda: ac.drive.from_qutip([X, [Z, "t"]], [1.0, 0.0]),
    "a window of one time": lambda: ac.propagate([X, [Z, "t"]], [0.0]),
    "a function that fails": lambda: ac.drive.from_qutip([X, [Z, lambda t: 1 / t]], [0, 1]),
    "a batch as one of qutip": lambda: ac.models.LandauZener(gap=[0.5, 1.0]).to_qutip(),
    "no path": lambda: ac.Hamiltonian.from_matrix(
        [["x", "y"], ["y", "-x"]], coordinates=("x", "y")
    ).to_qutip(),
    "dimensions of others": lambda: ac.Hamiltonian.from_terms([(1, X)], dims=[[3], [3]]),
    "an operator of another size": lambda: ac.propagate([X, [Z, "t"]], [0, 1]).expect(np.eye(3)),
    "another word": lambda: ac.propagate([X, [Z, "t"]], [0, 1]).to_qutip("ket"),
    "a feedback": lambda: ac.Hamiltonian.from_qutip(
        qutip.QobjEvo(
            [X, [Z, lambda t, psi: 1.0]],
            args={"psi": qutip.SESolver.StateFeedback(qutip.basis(2, 0))},
        )
    ),
    "a linear operator": lambda: ac.Hamiltonian.from_terms(
        [(1, LinearOperator((600, 600), matvec=lambda v: v, rmatvec=lambda v: v, dtype=float))]
    ).to_qutip(),
    "another object": lambda: ac.Hamiltonian.from_scqubits(X, "q.flux", (0, 1)),
}


@pytest.mark.parametrize("call", BAD.values(), ids=BAD)
def test_what_cannot_be_used_is_one_line(call):
    with pytest.raises(ac.InputError) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_a_function_that_turns_complex_later_is_refused():
    given = [X, [Z, lambda t: t if t < 1 else t + 1j]]
    assert ac.Hamiltonian.from_qutip(given, times=[-1.0, 0.5]).coordinates == ("f1",)
    with pytest.raises(ac.InputError, match="Hermitian"):
        ac.drive.from_qutip(given, [0.0, 3.0])
    between = [X, [Z, lambda t: t + (1j if 0.0101 < t < 0.0102 else 0.0)]]
    with pytest.raises(ac.InputError, match="Hermitian"):
        ac.drive.from_qutip(between, [0.0, 1.0])


def test_an_expectation_value_of_a_matrix_that_is_not_hermitian_is_complex():
    found = ac.propagate([X, [Z, "t"]], TIMES, initial=qutip.basis(2, 0))
    assert np.iscomplexobj(found.expect(LOWER))
    wanted = found.states[:, 0].conj() * found.states[:, 1]
    assert np.allclose(found.expect(LOWER), wanted, atol=1e-14)

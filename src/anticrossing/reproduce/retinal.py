"""The first step of vision: retinal turns through a funnel, as a packet and as trajectories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from anticrossing._core.checks import FloatArray
from anticrossing.models import RETINAL_MASSES, Retinal
from anticrossing.molecules.packets import Grid, WavePacket, propagate_packet
from anticrossing.molecules.trajectories import Gaussian, mash_population, run_trajectories
from anticrossing.reproduce.reproduction import Number, Reproduction

_SOURCE = "S. Hahn and G. Stock, J. Phys. Chem. B 104, 1146 (2000)"
_PUBLISHED, _WITHIN = 0.63, 0.02
_MEASURED = "0.65 ± 0.01"
_DECAY = 200.0  # fs, published and measured
_SETTLED, _STOP = 300.0, 2000.0  # fs: the yield is the mean over this stretch
_SAMPLE = 10.0
_STEP = {"packet": 0.9, "trajectories": 0.1}
_COUNT, _SEED = 500, 2000
_METHODS: dict[str, dict[str, Any]] = {
    "fssh": {"method": "fssh"},
    "fssh, decoherence": {"method": "fssh", "decoherence": "energy", "frustrated": "reflect"},
    "landau-zener": {"method": "landau-zener"},
    "ehrenfest": {"method": "ehrenfest"},
    "mash": {"method": "mash"},
    "multi-state mash": {"method": "multi-state-mash"},
    "fssh, overlap": {"method": "fssh", "decoherence": "overlap", "frustrated": "reflect"},
    "fssh, augmented": {"method": "fssh", "decoherence": "augmented", "frustrated": "reflect"},
}


@dataclass(frozen=True)
class _Course:
    """Probabilities against time: on the upper level, trans, and trans on the lower level."""

    times: FloatArray
    upper: FloatArray
    trans: FloatArray
    product: FloatArray
    error: float  # of the yield

    @property
    def half_time(self) -> float:
        """When the upper level is first half empty."""
        after = int(np.argmax(self.upper < 0.5))
        pair = slice(after - 1, after + 1)
        return float(np.interp(-0.5, -self.upper[pair], self.times[pair]))

    @property
    def yield_(self) -> float:
        """The share of trans in what has come back to the lower level."""
        late = self.times >= _SETTLED
        return float(self.product[late].sum() / (1 - self.upper[late]).sum())

    def row(self, name: str) -> list[Any]:
        """Return a line of the table."""
        at = int(np.argmin(np.abs(self.times - _DECAY)))
        values = self.half_time, self.upper[at], self.trans[at], self.yield_, self.error
        return [name, *(float(value) for value in values)]


def compute() -> Reproduction:
    """Lift the ground state of cis to S1 and follow it for two picoseconds."""
    H = Retinal()
    # The harmonic ground state of the torsion in the well of cis, and that of the stretch.
    inertia = RETINAL_MASSES[0]
    stiffness = H.parameters["ground_barrier"] / 2
    widths = np.array([np.sqrt(2) * (inertia * stiffness) ** -0.25, np.sqrt(2)])
    exact = _packet(H, widths)
    sampled = {name: _ensemble(H, widths, options) for name, options in _METHODS.items()}
    rows = [exact.row("exact packet")]
    rows += [course.row(name) for name, course in sampled.items()]
    upper = float(exact.row("")[2])
    spread = ", ".join(f"{name} {c.yield_:.2f}" for name, c in sampled.items())

    return Reproduction(
        name="retinal",
        title="Retinal: cis to trans through a funnel in 200 fs",
        source=f"{_SOURCE}, whose yield 0.63 T. V. Tscherbul and P. Brumer, J. Phys. Chem. A 118, "
        "3100 (2014), confirm.",
        columns=[
            "method",
            "half of S1 gone (fs)",
            f"upper level at {_DECAY:g} fs",
            f"trans at {_DECAY:g} fs",
            "yield",
            "standard error",
        ],
        rows=rows,
        conclusion=(
            f"Exact packet: half of it has left the upper level after {exact.half_time:.0f} fs, "
            f"{100 * (1 - upper):.0f} % after {_DECAY:g} fs (published and measured: within "
            f"{_DECAY:g} fs). Of what is on the lower level {exact.yield_:.3f} is trans, mean from "
            f"{_SETTLED:g} to {_STOP:g} fs (published {_PUBLISHED:g}, measured {_MEASURED}). "
            f"Trajectories: {spread}."
        ),
        agrees=upper < 0.2,
        draw=lambda figure: _draw(figure, exact, sampled),
        numbers=(Number("share of trans", _PUBLISHED, exact.yield_, _WITHIN, _SOURCE),),
    )


def _packet(hamiltonian: Any, widths: FloatArray) -> _Course:
    result = propagate_packet(
        hamiltonian,
        Grid([-np.pi, -8.0], [np.pi, 8.0], [350, 48], basis=["periodic", "fft"]),
        RETINAL_MASSES,
        WavePacket(centre=[0.0, 0.0], momentum=0.0, width=widths, state=1, basis="diabatic"),
        stop=_STOP,
        step=_STEP["packet"],
        order=4,
        samples=round(_STOP / _SAMPLE) + 1,
        keep_states=True,
    )
    trans = result.within(lambda points: np.cos(points[..., 0]) < 0)
    return _Course(result.times, result.populations[:, 1], trans.sum(axis=1), trans[:, 0], 0.0)


def _ensemble(hamiltonian: Any, widths: FloatArray, options: dict[str, Any]) -> _Course:
    step = _STEP["trajectories"]
    # Two-state mapping starts on a level; at cis it is S1 to a per cent.
    basis = "adiabatic" if options["method"] == "mash" else "diabatic"
    if options.get("decoherence") == "overlap":
        options = options | {"decoherence_width": widths / 2}  # of the packet at the start
    found = run_trajectories(
        hamiltonian,
        masses=RETINAL_MASSES,
        initial=Gaussian([0.0, 0.0], [0.0, 0.0], widths / 2, state=1, basis=basis),
        step=step,
        steps=round(_STOP / step),
        every=round(_SAMPLE / step),
        count=_COUNT,
        seed=_SEED,
        keep=_COUNT,
        **options,
    ).variables()
    trans = np.cos(found["position"].values[..., 0]) < 0
    if options["method"] == "ehrenfest":
        lower = found["weight"].values[..., 0]
    elif options["method"] == "multi-state-mash":
        lower = mash_population(found["weight"].values)[..., 0]
    else:
        lower = (found["level"].values == 0).astype(np.float64)
    times = found["time"].values
    product = trans * lower
    late = times >= _SETTLED
    parts, whole = product[:, late].mean(axis=1), lower[:, late].mean(axis=1)
    # Of a ratio of two means, to first order.
    ratio = parts.mean() / whole.mean()
    error = np.std(parts - ratio * whole, ddof=1) / np.sqrt(_COUNT) / whole.mean()
    return _Course(
        times, 1 - lower.mean(axis=0), trans.mean(axis=0), product.mean(axis=0), float(error)
    )


def _draw(figure: Any, exact: _Course, sampled: dict[str, _Course]) -> None:
    from anticrossing.plot import style

    left, right = figure.subplots(1, 2)
    for axes, key, label in (
        (left, "upper", "probability of the upper level"),
        (right, "trans", "probability of trans"),
    ):
        for index, (name, course) in enumerate(sampled.items()):
            color = style.FORMULA_COLORS[index % len(style.FORMULA_COLORS)]
            axes.plot(course.times, getattr(course, key), color=color, lw=1.0, label=name)
        axes.plot(exact.times, getattr(exact, key), color="black", lw=1.8, label="exact packet")
        axes.axvline(_DECAY, color=style.MUTED, lw=0.8, ls=":")
        axes.set(xlabel="time (fs)", ylabel=label, xlim=(0, 1000), ylim=(0, 1.02))
        style.grid(axes)
    left.legend(loc="best")

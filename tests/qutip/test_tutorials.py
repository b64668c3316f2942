"""QuTiP's tutorials on Landau–Zener passages, rewritten with at most five lines changed.

The problems are those of the notebooks of J. R. Johansson and P. D. Nation ("Landau-Zener
transitions", "Landau-Zener-Stuckelberg interferometry") in qutip-tutorials; fewer points are
computed.
"""

import difflib

import numpy as np
import pytest

qutip = pytest.importorskip("qutip", reason="needs the extra `qutip`")

# QuTiP runs texts by itself where Cython is missing, and says so.
pytestmark = pytest.mark.filterwarnings("ignore:.*cython.*")

PASSAGE = """
import numpy as np
from qutip import basis, destroy, mesolve, sigmax, sigmaz

delta, sweep = 0.5 * 2 * np.pi, 2.0 * 2 * np.pi
number = destroy(2).dag() * destroy(2)
tlist = np.linspace(-20.0, 20.0, 5000)
H = [-delta / 2 * sigmax(), [-sweep / 2 * sigmaz(), "t"]]
output = mesolve(H, basis(2, 0), tlist, [], e_ops=[number], options=OPTIONS)
answer = output.expect[0]
"""
PASSAGE_OURS = """
import numpy as np
import anticrossing as ac
from qutip import basis, destroy, mesolve, sigmax, sigmaz

delta, sweep = 0.5 * 2 * np.pi, 2.0 * 2 * np.pi
number = destroy(2).dag() * destroy(2)
tlist = np.linspace(-20.0, 20.0, 5000)
H = [-delta / 2 * sigmax(), [-sweep / 2 * sigmaz(), "t"]]
output = ac.propagate(H, tlist, initial=basis(2, 0))
answer = output.expect(number)
"""
REPEATED = """
import numpy as np
from qutip import basis, destroy, expect, mesolve, propagator, propagator_steadystate
from qutip import sigmax, sigmaz

delta, amplitude, w = 0.05 * 2 * np.pi, 2.0 * 2 * np.pi, 0.05 * 2 * np.pi
period, number = 2 * np.pi / w, destroy(2).dag() * destroy(2)
tlist = np.linspace(0.0, 3 * period, 1500)
H = [-delta / 2 * sigmax(), [-amplitude / 2 * sigmaz(), "cos(w*t)"]]
jumps = [np.sqrt(0.0001) * destroy(2), np.sqrt(0.005) * sigmaz()]
options = OPTIONS
output = mesolve(H, basis(2, 0), tlist, jumps, e_ops=[number], args={"w": w}, options=options)
U = propagator(H, period, jumps, {"w": w}, options=options)
steady = np.real(expect(number, propagator_steadystate(U)))
answer = np.append(output.expect[0], steady)
"""
REPEATED_OURS = """
import numpy as np
import anticrossing as ac
from qutip import basis, destroy, expect, mesolve, propagator, propagator_steadystate
from qutip import sigmax, sigmaz

ac.qutip.register()
delta, amplitude, w = 0.05 * 2 * np.pi, 2.0 * 2 * np.pi, 0.05 * 2 * np.pi
period, number = 2 * np.pi / w, destroy(2).dag() * destroy(2)
tlist = np.linspace(0.0, 3 * period, 1500)
H = [-delta / 2 * sigmax(), [-amplitude / 2 * sigmaz(), "cos(w*t)"]]
jumps = [np.sqrt(0.0001) * destroy(2), np.sqrt(0.005) * sigmaz()]
options = {"method": "anticrossing"}
output = mesolve(H, basis(2, 0), tlist, jumps, e_ops=[number], args={"w": w}, options=options)
U = propagator(H, period, jumps, {"w": w}, options=options)
steady = np.real(expect(number, propagator_steadystate(U)))
answer = np.append(output.expect[0], steady)
"""
INTERFERENCE = """
import numpy as np
from qutip import destroy, expect, num, propagator, propagator_steadystate, sigmax, sigmaz

delta, w = 1.0 * 2 * np.pi, 2.0 * 2 * np.pi
offsets = np.linspace(-20.0, 20.0, POINTS) * 2 * np.pi
amplitudes = np.linspace(0.0, 20.0, POINTS) * 2 * np.pi
H = [-delta / 2 * sigmax(), [-sigmaz() / 2, "eps"], [sigmaz() / 2, "A*sin(w*t)"]]
jumps = [np.sqrt(0.00001) * destroy(2), np.sqrt(0.005) * sigmaz()]
answer = np.zeros((POINTS, POINTS))
for m, eps in enumerate(offsets):
    for n, A in enumerate(amplitudes):
        args = {"w": w, "A": A, "eps": eps}
        U = propagator(H, 2 * np.pi / w, jumps, args, options=OPTIONS)
        answer[m, n] = np.real(expect(num(2), propagator_steadystate(U)))
"""
INTERFERENCE_OURS = """
import numpy as np
import anticrossing as ac
from qutip import destroy, expect, num, propagator, propagator_steadystate, sigmax, sigmaz

delta, w = 1.0 * 2 * np.pi, 2.0 * 2 * np.pi
offsets = np.linspace(-20.0, 20.0, POINTS) * 2 * np.pi
amplitudes = np.linspace(0.0, 20.0, POINTS) * 2 * np.pi
H = [-delta / 2 * sigmax(), [-sigmaz() / 2, "eps"], [sigmaz() / 2, "A*sin(w*t)"]]
jumps = [np.sqrt(0.00001) * destroy(2), np.sqrt(0.005) * sigmaz()]
answer = np.zeros((POINTS, POINTS))
args = {"w": w, "A": amplitudes, "eps": offsets[:, None]}
H, drive = ac.drive.from_qutip(H, [0, 2 * np.pi / w], args=args)
maps = ac.propagate(H, drive, environment=ac.Lindblad(jumps)).to_qutip("propagator")
for m, eps in enumerate(offsets):
    for n, A in enumerate(amplitudes):
        U = maps[m][n]
        answer[m, n] = np.real(expect(num(2), propagator_steadystate(U)))
"""
PAIRS = {
    "one passage": (PASSAGE, PASSAGE_OURS),
    "repeated passages": (REPEATED, REPEATED_OURS),
    "interferometry": (INTERFERENCE, INTERFERENCE_OURS),
}
TIGHT = {"method": "vern9", "atol": 1e-14, "rtol": 1e-13, "nsteps": 10**7}


def run(text, points=3, options=TIGHT):
    """Run a tutorial with a QuTiP that is left as it was found."""
    before = [dict(solver._avail_integrators) for solver in (qutip.SESolver, qutip.MESolver)]
    names = {"POINTS": points, "OPTIONS": options}
    try:
        exec(text, names)  # noqa: S102 - a text of this file
    finally:
        for solver, kept in zip((qutip.SESolver, qutip.MESolver), before, strict=True):
            solver._avail_integrators = kept
    return names["answer"]


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_at_most_five_lines_are_new(pair):
    theirs, ours = (text.strip().splitlines() for text in pair)
    new = [line for line in difflib.ndiff(theirs, ours) if line.startswith("+ ")]
    assert 1 <= len(new) <= 5


@pytest.mark.slow
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_answers_agree(pair):
    theirs, ours = map(run, pair)
    assert np.max(np.abs(ours - theirs)) < 1e-8

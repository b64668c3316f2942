"""Spin–orbit couplings that ORCA prints, against the stabilisation that it prints beside them."""

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.molecules.ab_initio import spin_orbit_of_output

HEAD = """--------
        CALCULATED SOCME BETWEEN TRIPLETS AND SINGLETS
--------
           Root                          <T|HSO|S>  (Re, Im) cm-1
         T      S           MS= 0                  -1                    +1
--------
"""
# Hydrogen peroxide, PBE/6-31G, ORCA 6.1, as the examples of PySCF's package NEST quote it.
ROWS = """\
         1      0    (0.00e+00 , 1.36e+01)    (-6.52e+00 , 1.27e+01)    (-6.52e+00 , -1.27e+01)
         1      1    (0.00e+00 , 4.21e+00)    (-1.01e+00 , -2.92e+00)    (-1.01e+00 , 2.92e+00)
         2      0    (0.00e+00 , -5.40e+00)    (-2.03e+01 , 2.61e+01)    (-2.03e+01 , -2.61e+01)
         2      1    (0.00e+00 , -6.52e+00)    (6.35e+00 , -7.29e+00)    (6.35e+00 , 7.29e+00)
         3      0    (0.00e+00 , 1.32e+01)    (-7.82e+00 , -2.58e+01)    (-7.82e+00 , 2.58e+01)
         3      1    (0.00e+00 , -7.95e-01)    (-1.03e+01 , -3.79e+01)    (-1.03e+01 , 3.79e+01)

SOC stabilization of the ground state:  -0.0948 cm-1
"""
TRIPLETS = np.array([39053.8, 46828.2, 50359.4])  # cm⁻¹, from the same output
HARTREE = 219474.6313632


def read(folder, text):
    path = folder / "a.out"
    path.write_text(text)
    return spin_orbit_of_output(path)


def test_stabilisation_of_the_ground_state(tmp_path):
    found = read(tmp_path, "x\n" + HEAD + ROWS)
    assert found.triplets == (1, 2, 3)
    assert found.singlets == (0, 1)
    strengths = found.strengths[:, 0] * HARTREE
    # second order, −Σ |V|²/E: the number that the output itself gives
    assert abs(np.sum(strengths**2 / TRIPLETS) - 0.0948) < 2e-4
    np.testing.assert_allclose(
        found.elements[0, 1] * HARTREE, [-1.01 - 2.92j, 4.21j, -1.01 + 2.92j]
    )


def test_cartesian_components_are_the_same_couplings(tmp_path):
    # M = 0 is z; M = ±1 are ∓(x ∓ iy)/√2: x = i√2·Im⟨−1|, y = i√2·Re… of the table above, by hand
    z, x, y = 13.6, np.sqrt(2) * 12.7, np.sqrt(2) * 6.52
    head = HEAD.replace("MS= 0                  -1                    +1", "Z    X    Y")
    row = f" 1  0  (0.00 , {z:.8f})  (0.00 , {x:.8f})  (0.00 , {y:.8f})\n"
    found = read(tmp_path, head + row)
    np.testing.assert_allclose(
        found.elements[0, 0] * HARTREE, [-6.52 + 12.7j, 13.6j, -6.52 - 12.7j], rtol=1e-7
    )


def test_the_last_table_counts(tmp_path):
    twice = HEAD + ROWS + HEAD + " 4 2 (1.0 , 0.0) (0.0 , 0.0) (0.0 , 0.0)\n"
    found = read(tmp_path, twice)
    assert (found.triplets, found.singlets) == ((4,), (2,))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "there is none"),
        (HEAD, "none follows"),
        (HEAD.replace("MS=", ""), "none follows"),
        (HEAD + ROWS.splitlines()[0] + "\n" + ROWS, "another pair"),
        (HEAD + "\n".join(ROWS.splitlines()[:3]), "missing"),
    ],
)
def test_bad_files_are_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, text)
    assert "\n" not in str(caught.value)

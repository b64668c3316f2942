"""The series of the benchmark table, in its order."""

from __future__ import annotations

from benchmarks import many_levels, two_levels
from benchmarks.harness import Series

SERIES = (
    Series(
        "sweep",
        "Two levels, ever longer sweeps",
        "Gap 1 and rate 1, so that P = 0.208 in every row, over windows in which the phase "
        "between the levels goes round 1 to 10¹⁰ times. P against parabolic cylinder "
        "functions.",
        two_levels.sweep,
    ),
    Series(
        "batch",
        "Two hundred sweeps at once",
        "Gap 1, times −50 … 50. QuTiP solves one after the other in a loop, or all of them "
        "as one block-diagonal problem; dynamiqs all of them in one compiled call. "
        "Oscillations of all sweeps together.",
        two_levels.batch,
    ),
    Series(
        "scalar",
        "A barrier crossed slowly",
        "`riccati` solves scalar equations y″ + 2γy′ + ω²y = 0 at a cost that does not "
        "depend on the frequency either. Above a parabolic barrier, y″ + (t² + ½) y = 0, "
        "the share e^(−π/2) of a wave turns back; the passage of two levels with the gap √2 "
        "at the rate 2 has the same frequency at every time, and P = e^(−π/2). Each package "
        "solves the equation that it is made for, over the same window. `riccati` is "
        "written in NumPy and the two levels here are compiled, which makes most of the "
        "difference: it takes 50 to 80 steps, and there are some 20 panels here.",
        two_levels.scalar,
    ),
    Series(
        "generic",
        "Generic levels, 2 to 64",
        "H = A + xB over |x| ≤ 3 with two random complex Hermitian matrices of spectral "
        "width 4; from the lowest level to every level.",
        many_levels.generic,
    ),
    Series(
        "triangle",
        "Three frustrated spins, annealed for a time T",
        "The problem of `anticrossing reproduce quantum-annealing-24`, whose lowest levels "
        "meet at the end: populations of the states that share the lowest energy.",
        many_levels.triangle,
    ),
    Series(
        "rings",
        "Rings of spins through a critical field",
        "The transverse-field Ising ring, field 3 → 0.2 at the rate 0.1: survival of the "
        "ground state, against a product over independent fermion modes. Up to 8 spins this"
        " package computes whole sectors.",
        many_levels.rings,
    ),
    Series(
        "annealing",
        "Twelve qubits annealed",
        "Random fields, and random couplings of half of all pairs; populations of the four "
        "states of lowest energy.",
        many_levels.annealing,
    ),
    Series(
        "stirap",
        "STIRAP",
        "Three levels and two Gaussian pulses, Stokes before pump: all populations. "
        "Beware: at the tolerance 1e-11 QuTiP 5.3 with `vern7` or `vern9` steps over both pulses "
        "at Ω·width = 10 and returns populations up to 3.8, without a word.",
        many_levels.stirap,
    ),
    Series(
        "open",
        "Open systems",
        "Two levels of gap 1 over |x| ≤ 30: dephasing in the eigenbasis of H(t) with γ = "
        "0.1, whose operator moves with H, and decay from one diabatic level to the other, "
        "0.03 times the rate of the sweep.",
        two_levels.dissipation,
    ),
)

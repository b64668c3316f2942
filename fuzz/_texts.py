"""Small whole files of each kind that is text, for `fuzz.data` to damage."""

MODEL = (
    "V0.txt\n2 0 1\nepsilon\n3\n1 1 0.0\n1 2 0.1\n3 1 0.05\neta\n1\n1 1 2 0.01\nkappa\n2\n"
    "1 1 1 0.02\n3 1 2 -0.01\nlambda\n1\n1 1 2 3 0.02\nlambda_soc\n1\n1 3 2 I 1e-4\n"
    "gamma\n1\n1 1 1 3 3 0.001\nSOC R\n"
    + "0 0 0.001 0 0\n0 0 0 0 0\n0.001 0 0 0 0\n0 0 0 0 0\n0 0 0 0 0\n"
)
REFERENCE = (
    "Geometry\nH 1 0 0 0 1.008\nFrequencies\n0.01 0.02 0.03\nMass-weighted normal modes\n"
    "1 0 0\n0 1 0\n0 0 1\n"
)
OPERATOR = (
    "OP_DEFINE-SECTION\ntitle\na\nend-title\nend-op_define-section\nPARAMETER-SECTION\n"
    "w = 0.1, ev\nmass_v2 = 2.0, AMU\nk = -w*0.3/2.0\nc = EXP[-1.5d0]\nend-parameter-section\n"
    "HAMILTONIAN-SECTION\n------\nmodes | el | v1\nmodes | v2 | Time\n1.0*w |2 KE\n"
    "-0.5*w | 1 | 1 | dq^2\n0.5*w |2 q^2\nk |1 S1&2 |3 q*cos\nI*c | Z1&2\n-I*c | Z2&1\n"
    "c |1 S1&1 |2 q^3 |3 q\nx |4 field\nend-hamiltonian-section\nend-operator\n"
)
ENERGIES = (
    "# 1 2 3\n# Time | Ekin | Epot | Etot | === Energy ===>\n# [fs] | [eV] | [eV] | [eV] |\n"
) + "".join(f" {k}.0E+00 1.0 {0.1 * k} {1 + 0.1 * k} {0.1 * k} {abs(k - 4)}\n" for k in range(9))
SPIN_ORBIT = (
    "CALCULATED SOCME BETWEEN TRIPLETS AND SINGLETS\n---\n  Root   <T|HSO|S>  (Re, Im) cm-1\n"
    " T  S   MS= 0   -1   +1\n---\n"
    + "".join(
        f" {t} {s} (0.00e+00 , {t}.5e+01) (-6.52 , 1.27e+01) (-6.52 , -1.27e+01)\n"
        for t in (1, 2)
        for s in (0, 1)
    )
    + "\nEigenvalues\n"
)
_ROWS = [[(i == j) - (abs(i - j) == 3) for j in range(6)] for i in range(6)]  # of a diatomic
HESSIAN = "$orca_hessian_file\n\n$hessian\n6\n" + "".join(
    " ".join(map(str, range(first, last))) + "\n"
    + "".join(f"{i} {' '.join(map(str, row[first:last]))}\n" for i, row in enumerate(_ROWS))
    for first, last in ((0, 5), (5, 6))
) + "\n#\n$atoms\n2\n C 12.0 0.0 0.0 0.0\n O 15.99 0.0 0.0 2.0\n\n$end\n"  # fmt: skip
GRADIENT = "# Number of atoms\n 2\n#\n -1.0\n#\n" + "".join(
    f" {g}\n" for g in (0.0, 0.0, -2.0, 0.0, 0.0, 2.0)
) + "# Z and positions\n 6 0.0 0.0 0.0\n 8 0.0 0.0 2.0\n"  # fmt: skip
LINES = "control (V),frequency (GHz),error (MHz),lower,upper\n0,5.0,1,0,1\n1,5.2,1,,\n"
SPECTRUM = "# w J\nomega density\n0.1, 0.2\n0.2 0.4\n0.3 0.1\n0.5 0.05\n"
POPULATIONS = "t [ps],S1,T1\n" + "".join(f"{k},{0.8**k},{1 - 0.8**k}\n" for k in range(8))
HEADED = "R [bohr];E1;E2;V\n\n" + "".join(f"{k};{k},5;{3 - k},5;0,1D0\n" for k in range(6))

FIXED = {
    "o.op": OPERATOR.encode(),
    "energy.out": ENERGIES.encode(),
    "orca.out": SPIN_ORBIT.encode(),
    "h.csv": HEADED.encode(),
    "s.hess": HESSIAN.encode(),
    "s.engrad": GRADIENT.encode(),
    "l.csv": LINES.encode(),
    "b.dat": SPECTRUM.encode(),
    "k.csv": POPULATIONS.encode(),
    "LVC.template": MODEL.encode(),
    "V0.txt": REFERENCE.encode(),
    "summary.json": b'{"anticrossing": "1", "a": [1, 2.5, null, {"b": "c"}]}',
}

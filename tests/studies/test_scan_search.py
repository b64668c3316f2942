"""What the points of a scan have in common is computed once."""

import numpy as np

from anticrossing import studies
from anticrossing.studies.kinds import passage as module

TEXT = """
hamiltonian = {{ model = "LandauZener", gap = 1.0 }}
drive = {{ kind = "linear", start = -32, stop = 32, rate = 1.0 }}
scan = {{ parameter = "{parameter}", values = [0.5, 1.0, 2.0, 4.0] }}
"""


def searches(monkeypatch, parameter):
    found = []
    search = module.find_crossings

    def counted(*arguments, **options):
        found.append(arguments)
        return search(*arguments, **options)

    monkeypatch.setattr(module, "find_crossings", counted)
    return studies.run(studies.parse(TEXT.format(parameter=parameter))), len(found)


def test_a_scan_of_the_rate_searches_for_crossings_once(monkeypatch):
    result, count = searches(monkeypatch, "drive.rate")
    assert count == 1
    values = result.scan.axis.values
    formula = result.predicted["Landau–Zener"][:, 1]
    np.testing.assert_allclose(formula, np.exp(-np.pi / (2 * values)), rtol=1e-12)


def test_a_scan_of_the_gap_searches_for_each(monkeypatch):
    result, count = searches(monkeypatch, "hamiltonian.gap")
    assert count == 4
    formula = result.predicted["Landau–Zener"][:, 1]
    expected = np.exp(-np.pi * result.scan.axis.values**2 / 2)
    np.testing.assert_allclose(formula, expected, rtol=1e-12)

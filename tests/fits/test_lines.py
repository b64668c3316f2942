"""Lines, their files, and peaks of maps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from anticrossing import InputError
from anticrossing.fits import Lines, find_lines, fit_levels, read_lines
from anticrossing.models import LandauZener
from tests.result_protocol import check

LINES = Lines(
    [0.0, 0.5, 1.0],
    [5.0, 5.2, 6.0],
    [0.01, 0.02, 0.01],
    [(0, 1), None, (1, 2)],
    unit="GHz",
    control_unit="V",
    source="a test",
)


def test_a_file_is_what_was_written(tmp_path: Path) -> None:
    path = LINES.to_csv(tmp_path / "lines.csv", comment="two words")
    assert path.read_text(encoding="utf-8").startswith("# two words\ncontrol (V),frequency (GHz)")
    found = read_lines(path)
    np.testing.assert_array_equal(found.control, LINES.control)
    np.testing.assert_array_equal(found.frequency, LINES.frequency)
    np.testing.assert_array_equal(found.error, LINES.error)
    assert found.labels == LINES.labels
    assert (found.unit, found.control_unit) == ("GHz", "V")


def test_errors_in_another_unit_are_converted(tmp_path: Path) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("frequency [GHz], control, error (MHz)\n5.0, 1, 20\n", encoding="utf-8")
    found = read_lines(path)
    assert found.error is not None
    assert found.error[0] == pytest.approx(0.02)
    assert found.labels is None


BAD = {
    "column": ("control,frequenzy\n1,2\n", "did you mean `frequency`"),
    "missing": ("control,error\n1,2\n", "column `frequency` is needed"),
    "number": ("control,frequency\n1,two\n", "line 2: `frequency` must be a number"),
    "count": ("control,frequency\n1\n", "line 2: 2 numbers"),
    "empty": ("# nothing\n", "a header and lines of numbers"),
    "unit": ("control,frequency (furlong)\n1,2\n", "`unit` must be one of"),
    "error unit": ("control,frequency (GHz),error (s)\n1,2,3\n", "have a unit of"),
    "half": ("control,frequency,lower\n1,2,0\n", "needed together"),
    "order": ("control,frequency,lower,upper\n1,2,1,0\n", "lower one first"),
    "one end": ("control,frequency,lower,upper\n1,2,1,\n", "both levels, or none"),
    "half a level": ("control,frequency,lower,upper\n1,2,0.5,1\n", "`lower` must be a level"),
    "negative": ("control,frequency\n1,-2\n", "`frequency` must be positive"),
    "twice": ("control,control\n1,2\n", "each once"),
    "nan": ("control,frequency\n1,nan\n", "finite"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_line_for_a_bad_file(name: str, tmp_path: Path) -> None:
    text, message = BAD[name]
    path = tmp_path / "lines.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        read_lines(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_arrays_are_refused_in_words() -> None:
    for arguments, message in (
        (([1.0], [2.0, 3.0]), "`control` must have the shape of `frequency`"),
        (([1.0], [2.0], [0.0]), "`error` must be positive"),
        (([1.0], [2.0], None, [(0, 1), None]), "list of 1 pairs"),
        (([1.0], [2.0], None, [(1, 0)]), "lower one first"),
        (([1.0], [2.0], None, None, "parsec"), "`unit` must be one of"),
    ):
        with pytest.raises(InputError, match=message):
            Lines(*arguments)  # type: ignore[arg-type]


def test_peaks_of_a_map_are_where_they_were_put_within_their_errors() -> None:
    random = np.random.default_rng(4)
    control, frequency = np.linspace(-1, 1, 40), np.linspace(0.5, 3.5, 901)
    centres = np.stack([np.sqrt(control**2 + 1), 2.5 + 0.3 * control], axis=-1)
    away = frequency - centres[..., None]
    signal = np.sum(1 / (1 + 4 * (away / 0.06) ** 2), axis=1)
    signal += 0.04 * random.standard_normal(signal.shape)
    found = find_lines(control, frequency, signal, threshold=8.0)
    assert len(found) == 80
    assert found.error is not None
    # Columns from left to right, and from below in each: the lower branch stays below.
    pulls = (found.frequency - centres.ravel()) / found.error
    assert abs(np.mean(pulls)) < 0.4
    assert 0.75 < np.std(pulls) < 1.25
    dips = find_lines(control, frequency, -signal, threshold=8.0, dips=True)
    np.testing.assert_allclose(dips.frequency, found.frequency)
    assert len(find_lines(control, frequency, signal, most=1)) == 40
    fit = fit_levels(LandauZener(gap=0.8), found, outliers=0.5)
    assert abs(fit["gap"].value - 1) < 4 * fit["gap"].error
    assert np.sum(fit.outliers) == 40


def test_maps_are_refused_in_words() -> None:
    control, frequency = np.arange(3.0), np.linspace(1, 2, 50)
    flat = np.zeros((3, 50))
    for arguments, message in (
        ((control, frequency, flat), "rise by 6 times"),
        ((control, frequency, flat.T), "one row for each control"),
        ((control, frequency[::-1], flat), "increase"),
        ((control, frequency - 1.0, flat), "be positive"),
    ):
        with pytest.raises(InputError, match=message):
            find_lines(*arguments)


def test_results_show_themselves(tmp_path: Path) -> None:
    check(LINES, tmp_path)
    control = np.linspace(-2, 2, 9)
    frequency = np.sqrt(control**2 + 0.64)
    frequency[4] += 0.5
    fit = fit_levels(LandauZener(gap=0.7), Lines(control, frequency, np.full(9, 0.01)))
    check(fit, tmp_path)
    check(fit.crossings[0], tmp_path)
    assert np.sum(fit.outliers) == 1
    assert fit.plot_residuals().lines

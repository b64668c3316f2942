"""The command line: every shipped example end to end, and one clear line for bad input."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from anticrossing import __version__, cli

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
GOOD = """
hamiltonian = { model = "LandauZener", gap = 1.0 }
drive = { kind = "linear", start = -50, stop = 50, rate = 1.0 }
"""
SWEPT = """
[sweep]
parameters = [{ parameter = "drive.rate", from = 1, to = 4, points = 4 }]
"""


class Outcome:
    """What one call of the command line did."""

    def __init__(self, status: Any, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Any:
    """Call `main` in-process, in an empty directory."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str | Path) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["anticrossing", *map(str, arguments)])
        with pytest.raises(SystemExit) as caught:
            cli.main()
        captured = capsys.readouterr()
        return Outcome(caught.value.code, captured.out, captured.err)

    return run


# ---- examples against closed forms written out here --------------------------------------------


def run_example(call: Any, name: str) -> dict[str, Any]:
    outcome = call("run", EXAMPLES / f"{name}.toml", "--json")
    assert outcome.status == 0, outcome.err
    summary: dict[str, Any] = json.loads(outcome.out)
    assert summary["source"]
    return summary


@pytest.mark.slow
def test_flux_qubit(call: Any) -> None:
    summary = run_example(call, "flux_qubit")
    slope = 230.7e-9 / 1.602176634e-19 * 1e-12  # I_p/e in GHz per mΦ₀
    assert summary["crossings"][0]["slope_difference"] == pytest.approx(slope, rel=1e-9)
    assert summary["crossings"][0]["gap"] == pytest.approx(0.013, rel=1e-9)
    for rate, exact in zip(summary["scan"]["values"], summary["scan"]["exact"], strict=True):
        expected = np.exp(-(np.pi**2) * 0.013**2 / (slope * rate))
        assert exact[1] == pytest.approx(expected, abs=1e-5)


@pytest.mark.slow
def test_sodium_iodide(call: Any) -> None:
    summary = run_example(call, "sodium_iodide")
    crossing = summary["crossings"][0]
    assert crossing["position"] == pytest.approx(7.0, abs=0.1)
    hbar = 0.6582119569  # eV fs
    speed = np.sqrt(2 * 1.602176634e-19 / (19.4644 * 1.66053906660e-27)) * 1e-5  # Å/fs at 1 eV
    rate = crossing["slope_difference"] * speed / hbar
    expected = np.exp(-np.pi * (crossing["gap"] / hbar) ** 2 / (2 * rate))
    assert summary["exact"]["probabilities"][0] == pytest.approx(expected, rel=0.01)
    jumps = [row[0] for row in summary["scan"]["exact"]]
    assert np.all(np.diff(jumps) > 0)


@pytest.mark.slow
def test_heavy_atom(call: Any) -> None:
    summary = run_example(call, "heavy_atom")
    zeta = 2 / 3 * np.array([404.14, 882.35, 3685.24, 7602.98])  # measured 2P splittings, 1/cm
    assert summary["scan"]["values"] == pytest.approx(zeta, rel=2e-4)
    hbar = 5308.8375  # 1/cm fs
    converted = 1 - np.exp(-2 * np.pi * 110**2 / (hbar * 20000 * 0.003))
    crossed = 1 - np.exp(-2 * np.pi * (zeta / 40) ** 2 / (hbar * 10000 * 0.003))
    exact = np.array(summary["scan"]["exact"])
    np.testing.assert_allclose(exact[:, 2], converted, rtol=1e-3)
    np.testing.assert_allclose(exact[:, 0], (1 - converted) * crossed, rtol=0.02)
    ratio = exact[:, 0] / exact[:, 2]
    assert ratio[1] / ratio[0] == pytest.approx((882.35 / 404.14) ** 2, rel=0.01)  # as ζ²
    assert ratio[3] / ratio[2] < 0.85 * (7602.98 / 3685.24) ** 2  # saturated
    coherent = summary["scan"]["predictions"]["crossings with phases"]
    assert all(coherent["valid"])


@pytest.mark.slow
def test_ladder(call: Any) -> None:
    summary = run_example(call, "ladder")
    for rate, exact in zip(summary["scan"]["values"], summary["scan"]["exact"], strict=True):
        p = np.exp(-2 * np.pi * 0.2**2 / rate)
        expected = [(1 - p) * p**k for k in range(5)] + [p**5]
        np.testing.assert_allclose(exact, expected, atol=1e-6)


@pytest.mark.slow
def test_bloch_band(call: Any) -> None:
    summary = run_example(call, "bloch_band")
    positions = [crossing["position"] for crossing in summary["crossings"]]
    np.testing.assert_allclose(positions, [np.pi, 3 * np.pi], atol=1e-6)
    for passage in summary["passages"]:
        # Locally α = 2J·rate (times 2π for kHz), corrected for the curvature of the gap.
        exponent = np.pi**2 * 0.3**2 / (np.sqrt(1 - 0.3**2 / (16 * 0.5**2)) * 2 * 0.5 * 1.2)
        assert passage["jump_probability"] == pytest.approx(np.exp(-exponent), rel=1e-4)
    coherent = summary["scan"]["predictions"]["crossings with phases"]
    inside = np.asarray(coherent["valid"])
    error = np.abs(np.asarray(coherent["probabilities"]) - summary["scan"]["exact"]).max(axis=1)
    assert inside.any()
    assert error[inside].max() < 0.05


@pytest.mark.slow
def test_annealing(call: Any) -> None:
    summary = run_example(call, "annealing")
    assert summary["crossings"][0]["gap"] == pytest.approx(1 / 8, rel=1e-9)
    assert summary["crossings"][0]["position"] == pytest.approx(0.5, abs=1e-9)
    times, exact = summary["scan"]["values"], np.asarray(summary["scan"]["exact"])[:, 1]
    slope = 2 * np.sqrt(1 - 1 / 64)
    for time, jump in zip(times, exact, strict=True):
        rate = slope * np.pi / (2 * time)  # GHz/ns at half-way
        expected = np.exp(-(np.pi**2) * (1 / 8) ** 2 / rate)
        assert jump == pytest.approx(expected, rel=0.05 + time / 500, abs=2e-3)


@pytest.mark.slow
def test_decohering_qubit(call: Any) -> None:
    summary = run_example(call, "decohering_qubit")
    slope = 230.7e-9 / 1.602176634e-19 * 1e-12  # I_p/e in GHz per mΦ₀
    rates, exact = summary["scan"]["values"], np.asarray(summary["scan"]["exact"])[:, 1]
    # Slowest: thermal equilibrium at 2.88 GHz and 0.42 GHz, with a lag of T₁ |d ln p/dt| = 7 %.
    assert exact[0] == pytest.approx(1 / (1 + np.exp(2 * slope / 0.42)), rel=0.1)
    # Fastest: 13 ns are short against T₂ = 200 ns and T₁ = 20 µs.
    coherent = np.exp(-(np.pi**2) * 0.013**2 / (slope * rates[-1]))
    assert exact[-1] == pytest.approx(coherent, abs=2e-3)
    # Between: the incoherent way keeps the jump alive where the coherent one has died out.
    middle = np.searchsorted(rates, 1e-4)
    without = np.exp(-(np.pi**2) * 0.013**2 / (slope * rates[middle]))
    assert exact[middle] > max(0.05, 50 * without)


@pytest.mark.slow
def test_driven_level(call: Any) -> None:
    summary = run_example(call, "driven_level")
    # The staircase, written out: R = exp(−2πγ²/rate), p → R p + (1 − R) f.
    keep, p = np.exp(-2 * np.pi * 0.2**2), 1.0
    for level in range(1, 10):
        p = keep * p + (1 - keep) / (np.exp(1.2 * (level - 3.0)) + 1)
    assert summary["totals"]["final occupation"]["chain"] == pytest.approx(p, abs=1e-12)
    # The exact answers come from forty-digit arithmetic of another program.
    assert summary["totals"]["final occupation"]["exact"] == pytest.approx(0.2240342372, abs=1e-10)
    for law in summary["work"]["distributions"]:
        assert law["jarzynski_ratio"] == pytest.approx(1, abs=1e-12)
        if (law["method"], law["direction"]) == ("exact", "forward"):
            assert law["mean"] == pytest.approx(6.2653974027, abs=1e-9)
            assert law["variance"] == pytest.approx(7.3717520479, abs=1e-9)
    found = summary["scan"]["occupation"]
    inside = np.asarray(summary["scan"]["inside_domain"])
    apart = np.abs(np.subtract(found["chain"], found["exact"]))
    assert inside.sum() == 13
    assert apart[inside].max() < 0.02


@pytest.mark.slow
def test_tully_simple(call: Any) -> None:
    summary = run_example(call, "tully_simple")
    # The converged values of the first problem at the momentum 20.
    np.testing.assert_allclose(summary["channels"]["above"], [0.50765, 0.49235], atol=2e-5)
    np.testing.assert_allclose(summary["channels"]["below"], [0, 0], atol=1e-6)
    assert summary["norm"]["with_absorbed"] == pytest.approx(1, abs=1e-10)
    assert summary["convergence"]["converged"] is True


def test_tully_hopping(call: Any) -> None:
    summary = run_example(call, "tully_hopping")
    channels = summary["channels"]["x"]
    value, error = (np.array(channels["above"][key]) for key in ("value", "error"))
    # All leave; the exact packet gives 0.49235, from which hopping is known to be 0.01 away here.
    assert value.sum() == pytest.approx(1, abs=1e-12)
    assert value[1] == pytest.approx(0.49235, abs=0.01 + 3 * error[1])
    assert error[1] == pytest.approx(np.sqrt(value[1] * value[0] / 3999), rel=1e-9)
    assert summary["hops"]["accepted"] > 2000
    assert summary["energy"]["largest_drift"] < 2e-5


def test_every_example_is_tested_above() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.toml")}
    elsewhere = {
        *("tilted_lattice", "bloch_interferometer"),  # tests/fits/test_examples.py
        "quenched_chain",  # tests/studies/test_state_file.py
        *("decaying_level", "jumping_chain"),  # tests/studies/test_jumps_file.py
        "two_qubits_fit",  # tests/studies/test_level_fit_file.py
        "returning_levels",  # tests/studies/test_driven_levels_file.py
        "robust_transfer",  # tests/studies/test_control_file.py
        "pyrazine",  # tests/studies/test_packet_file.py
        "retinal",  # tests/molecules/packets/test_retinal_packet.py
        "condensate",  # tests/studies/test_mean_field_file.py
        *(
            "arrhenius_rates",
            "marcus_rates",
            "isolated_molecule",
        ),  # tests/studies/test_rates_file.py
        # tests/studies/test_interferogram_file.py and its neighbours
        *("flux_qubit_interferogram", "flux_qubit_floquet", "jahn_teller", "fringes_fit"),
    }
    assert names - elsewhere == {
        "flux_qubit",
        "decohering_qubit",
        "sodium_iodide",
        "heavy_atom",
        "ladder",
        "bloch_band",
        "annealing",
        "driven_level",
        "tully_simple",
        "tully_hopping",
    }


# ---- commands ---------------------------------------------------------------------------------


def test_run_writes_everything_and_says_where(call: Any, tmp_path: Path) -> None:
    outcome = call("run", EXAMPLES / "flux_qubit.toml")
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    folder = tmp_path / "flux_qubit-result"
    files = {"result.nc", "summary.json", "experiment.toml", "figure.png", "figure.svg"}
    assert {path.name for path in folder.iterdir()} == files | {"report.html"}
    for text in ("Landau–Zener", "within", "passage duration / window", "avoided", "report.html"):
        assert text in outcome.out
    again = call("run", EXAMPLES / "flux_qubit.toml", "--quiet")
    assert again.out.strip() == "flux_qubit-result"
    assert [path.name for path in tmp_path.iterdir()] == ["flux_qubit-result"]


def test_errors_within_a_run_name_the_file_and_the_table(call: Any, tmp_path: Path) -> None:
    text = (EXAMPLES / "tully_hopping.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace("[-15.0, 15.0]", "[-11.0, 15.0]"))
    outcome = call("run", "a.toml")
    assert (outcome.status, outcome.out) == (2, "")
    assert outcome.err.startswith("error: a.toml: In [trajectories]: Argument `box` must hold all")
    assert outcome.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


def test_escape_sequences_do_not_reach_the_terminal(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD + '"\\u001b[2J" = 1\n')
    outcome = call("run", "a.toml")
    assert outcome.status == 2
    assert "\x1b" not in outcome.err
    assert r"\x1b[2J" in outcome.err


def test_results_and_store_may_not_share_a_directory(call: Any, tmp_path: Path) -> None:
    text = (EXAMPLES / "tully_hopping.toml").read_text(encoding="utf-8")
    (tmp_path / "a.toml").write_text(text.replace("keep = 20", 'store = "a-result/x"\nkeep = 20'))
    outcome = call("run", "a.toml")
    assert outcome.status == 2
    assert "a.toml: Argument `store` must lie apart from the results in a-result" in outcome.err
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]


@pytest.mark.slow
def test_text_from_a_file_is_shown_as_it_is(call: Any, tmp_path: Path) -> None:
    hostile = GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }',
        '{ matrix = [["x/2", 0.5], [0.5, "-x/2"]], labels = ["$\\\\frac{", "[/bold]"] }',
    )
    text = 'title = "[red] :smile: $x_"\nquestion = { basis = "diabatic" }\n' + hostile
    (tmp_path / "a.toml").write_text(text)
    outcome = call("run", "a.toml")
    assert outcome.status == 0, outcome.err
    assert outcome.out.startswith("[red] :smile: $x_\n")
    assert "[/bold]" in outcome.out


def test_json_writes_only_where_it_is_told(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    printed = json.loads(call("run", "a.toml", "--json").out)
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]
    assert call("run", "a.toml", "--json", "-o", "new/out").status == 0
    assert json.loads((tmp_path / "new" / "out" / "summary.json").read_text()) == printed


def test_crossings(call: Any) -> None:
    table = call("crossings", EXAMPLES / "ladder.toml")
    assert table.status == 0
    assert table.out.count("avoided") == 5
    content = json.loads(call("crossings", EXAMPLES / "ladder.toml", "--json").out)
    assert len(content["crossings"]) == 5


@pytest.mark.slow
def test_a_driven_level_is_printed_and_written(call: Any, tmp_path: Path) -> None:
    outcome = call("run", EXAMPLES / "driven_level.toml")
    assert outcome.status == 0, outcome.err
    assert outcome.err == ""
    for text in ("A level driven through nine", "β = 1.2", "crossings of the chain", "within"):
        assert text in outcome.out
    assert "0.2240342" in outcome.out
    assert outcome.out.splitlines()[-1] == "report: driven_level-result/report.html"
    files = {"result.nc", "summary.json", "experiment.toml", "figure.png", "figure.svg"}
    folder = tmp_path / "driven_level-result"
    assert {path.name for path in folder.iterdir()} == files | {"report.html"}
    printed = json.loads(call("run", EXAMPLES / "driven_level.toml", "--json").out)
    assert json.loads((folder / "summary.json").read_text()) == printed


@pytest.mark.slow
def test_packets_and_trajectories_are_printed_and_written(call: Any, tmp_path: Path) -> None:
    shown = {
        "tully_simple": ("time in ħ/hartree", "channels, divided at x = 0", "half the spacing"),
        "tully_hopping": ("fssh", "channels along x", "accepted", "largest drift", "±"),
    }
    files = {"result.nc", "summary.json", "experiment.toml", "figure.png", "figure.svg"}
    for name, texts in shown.items():
        outcome = call("run", EXAMPLES / f"{name}.toml")
        assert outcome.status == 0, outcome.err
        assert outcome.err == ""
        for text in texts:
            assert text in outcome.out
        folder = tmp_path / f"{name}-result"
        assert {path.name for path in folder.iterdir()} == files | {"report.html"}


@pytest.mark.slow
def test_long_tables_of_a_driven_level_are_cut(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(
        "work = false\n[driven_level]\nlevels = { from = 1, to = 9, count = 50 }\n"
        "couplings = 0.05\nbeta = 1\nstart = 0\nstop = 10\nrate = 1\n"
    )
    outcome = call("run", "a.toml")
    assert outcome.status == 0, outcome.err
    assert "and 10 more (--json prints all)" in outcome.out
    assert "OUTSIDE" in outcome.out


def test_crossings_needs_a_hamiltonian(call: Any) -> None:
    outcome = call("crossings", EXAMPLES / "driven_level.toml")
    assert_one_line(outcome)
    assert "[hamiltonian]" in outcome.err


def test_models_version_and_list(call: Any) -> None:
    assert "SodiumIodide" in call("models").out
    assert json.loads(call("models", "--json").out)["LandauZener"].startswith("Two levels")
    assert call("--version").out.startswith("anticrossing ")
    assert "finite-window" in call("reproduce").out


def test_reproduce(call: Any, tmp_path: Path) -> None:
    outcome = call("reproduce", "demkov-osherov", "-o", "out")
    assert outcome.status == 0, outcome.err
    assert "All 36 probabilities agree" in outcome.out
    assert (tmp_path / "out" / "figure.svg").exists()
    assert json.loads(call("reproduce", "demkov-osherov", "--json").out)["agrees"] is True


@pytest.mark.slow
def test_reproduce_all(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from anticrossing import reproduce

    monkeypatch.setattr(reproduce, "NAMES", ("demkov-osherov",))
    outcome = call("reproduce", "--all", "-o", "out")
    assert outcome.status == 0, outcome.err
    assert "36 of 36 numbers are within" in outcome.out
    assert (tmp_path / "out" / "demkov-osherov" / "figure.svg").exists()
    found = json.loads(call("reproduce", "--all", "--json").out)
    assert found["agrees"] is True
    assert len(found["numbers"]) == 36


# ---- bad input --------------------------------------------------------------------------------

BAD_FILES = {
    "empty": "",
    "no toml": "what is this?",
    "binary": b"\xff\xfe\x00\x01",
    "not Hermitian": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }', '{ matrix = [["x", 1], [2, "-x"]] }'
    ),
    "nan": GOOD.replace("gap = 1.0", "gap = nan"),
    "unknown key": GOOD.replace("gap", "gpa"),
    "hostile": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }',
        "{ matrix = [[\"__import__('os').system('touch hacked')\"]] }",
    ),
    "huge power": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }', '{ matrix = [["9**9**9"]] }'
    ),
    "zero rate": GOOD.replace("rate = 1.0", "rate = 0"),
    "reversed": GOOD.replace("rate = 1.0", "rate = -1.0"),
    "empty window": GOOD.replace("stop = 50", "stop = -50"),
    "wrong shape": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }', '{ matrix = [["x", 1, 2], [1, "x"]] }'
    ),
    "driven level with units": '[units]\nenergy = "eV"\n[driven_level]\nlevels = [1]\n',
    "unsorted levels": "[driven_level]\nlevels = [2, 1]\ncouplings = 0.1\nbeta = 1\nstart = 0\n"
    "stop = 3\nrate = 1\n",
    "drive beside a packet": GOOD + "[packet]\nmasses = 1\n",
    "packet without a Hamiltonian": "[packet]\nmasses = 1\n",
    "packet and trajectories": "[packet]\n[trajectories]\n",
    "trajectories on nothing": "hamiltonian = { model = 'LandauZener', gap = 1 }\n[trajectories]\n",
    "two experiments": GOOD + "[driven_level]\nlevels = [1]\n",
    "singular on the way": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }', '{ matrix = [["1/x", 1], [1, "-x"]] }'
    ),
    "logarithm on the way": GOOD.replace(
        '{ model = "LandauZener", gap = 1.0 }', '{ matrix = [["log(x)", 1], [1, "-x"]] }'
    ),
}


def assert_one_line(outcome: Outcome) -> None:
    assert outcome.status == 2
    assert outcome.out == ""
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err


@pytest.mark.parametrize("command", ["run", "crossings"])
@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_file(call: Any, tmp_path: Path, case: str, command: str) -> None:
    content = BAD_FILES[case]
    path = tmp_path / "bad.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    assert_one_line(call(command, path))
    assert [entry.name for entry in tmp_path.iterdir()] == ["bad.toml"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", "missing.toml"],
        ["run", "a.toml/x"],
        ["run", "."],
        ["run", "/dev/zero"],
        ["run", "a.toml", "-o", "a.toml"],
        ["run", "a.toml", "-o", "a.toml/deeper/out"],
        ["run", "a.toml", "-o", "/proc/nowhere/out"],
        ["run", "a.toml", "-o", "."],
        ["run", "a.toml", "-o", "full"],
        ["run", "a.toml", "-o", ""],
        ["run", "a.toml", "-o", "x" * 300],
        ["run", "a.toml", "-o", "loop"],
        ["run"],
        ["run", "a.toml", "--fast"],
        ["rum", "a.toml"],
        ["crossings", "missing.toml"],
        ["sweep", "sweep.toml", "-o", ""],
        ["reproduce", "everything"],
        ["reproduce", "demkov-osherov", "--all"],
        ["reproduce", "demkov-osherov", "-o", "a.toml"],
    ],
    ids=" ".join,
)
def test_bad_arguments(call: Any, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "sweep.toml").write_text(GOOD + SWEPT)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "precious.txt").write_text("keep")
    (tmp_path / "loop").symlink_to("loop")
    assert_one_line(call(*arguments))
    entries = sorted(str(entry.relative_to(tmp_path)) for entry in tmp_path.rglob("*"))
    assert entries == ["a.toml", "full", "full/precious.txt", "loop", "sweep.toml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_unwritable_directory(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "locked").mkdir(mode=0o500)
    assert_one_line(call("run", "a.toml", "-o", "locked/out"))


def test_a_process_of_its_own(tmp_path: Path) -> None:
    """The installed module, with standard output and error as a shell sees them."""
    (tmp_path / "a.toml").write_text(GOOD)
    command = [sys.executable, "-m", "anticrossing", "run", "a.toml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "0.2078" in done.stdout
    assert done.stderr == ""
    command[-1] = "b.toml"
    failed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert failed.returncode == 2
    assert failed.stderr.count("\n") == 1


@pytest.mark.parametrize("moment", ["analysis", "writing"])
def test_interruption_leaves_nothing(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    place = {"analysis": "anticrossing.studies.run", "writing": "anticrossing.studies.page.files"}
    (tmp_path / "a.toml").write_text(GOOD)
    monkeypatch.setattr(place[moment], interrupt)
    outcome = call("run", "a.toml", "-o", "deep/out")
    assert (outcome.status, outcome.err) == (130, "interrupted\n")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.toml"]


def test_long_tables_are_cut(call: Any, tmp_path: Path) -> None:
    model = '{ matrix = [["sin(20*x)", 0.1], [0.1, "-sin(20*x)"]] }'
    text = GOOD.replace('{ model = "LandauZener", gap = 1.0 }', model).replace("50", "10.01")
    (tmp_path / "a.toml").write_text(text)
    shown = call("crossings", "a.toml").out
    assert shown.count("avoided") == 40
    assert "and 87 more" in shown
    assert len(json.loads(call("crossings", "a.toml", "--json").out)["crossings"]) == 127


def test_starting_up_stays_light() -> None:
    code = (
        "import sys, anticrossing.cli.commands; "
        "print([m for m in ('matplotlib', 'xarray', 'pandas', 'sympy', 'numba', 'rich.progress') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_module_is_the_command() -> None:
    command = [sys.executable, "-m", "anticrossing", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout == f"anticrossing {__version__}\n"


def python(*arguments: str | Path, **variables: str | Path) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with these variables of the environment."""
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **{name: str(value) for name, value in variables.items()}},
        capture_output=True,
        text=True,
        timeout=120,
    )


@pytest.mark.quick(1)
@pytest.mark.parametrize("command", ["models", "reproduce"])
def test_lists_need_no_docstrings(command: str) -> None:
    done = python("-OO", "-m", "anticrossing", command, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert set(json.loads(done.stdout).values()) == {""}


@pytest.mark.slow
def test_settings_of_matplotlib_change_no_figure(call: Any, tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    settings = "text.usetex: True\nfigure.constrained_layout.use: True\naxes.facecolor: black\n"
    (tmp_path / "matplotlibrc").write_text(settings)
    command = ["-m", "anticrossing", "run", tmp_path / "a.toml", "-q", "-o"]
    backend = "module://matplotlib_inline.backend_inline"
    done = python(*command, tmp_path / "b", MPLBACKEND=backend, MATPLOTLIBRC=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert call("run", "a.toml", "-o", "c").status == 0
    for name in ("figure.png", "figure.svg"):
        assert (tmp_path / "b" / name).read_bytes() == (tmp_path / "c" / name).read_bytes()


def test_settings_that_cannot_be_read_are_one_line_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "matplotlibrc").write_bytes(b"\xff\xfe")
    command = ["-m", "anticrossing", "run", tmp_path / "a.toml", "-q", "-o", tmp_path / "b"]
    done = python(*command, MATPLOTLIBRC=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("error: Matplotlib cannot be loaded: Unicode")
    assert not (tmp_path / "b").exists()


def test_errors_never_go_to_standard_output(
    call: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "stderr", None)  # as Python has it where it is closed
    outcome = call("run", "missing.toml")
    assert (outcome.status, outcome.out) == (2, "")


def test_ctrl_c_while_modules_are_imported() -> None:
    code = (
        "import sys\n"
        "class Stop:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Stop())\n"
        "from anticrossing.cli import main; main()\n"
    )
    done = python("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_ctrl_c_while_commands_are_defined() -> None:
    code = (
        "import click\n"
        "def stop(*_, **__): raise KeyboardInterrupt\n"
        "click.version_option = stop\n"
        "from anticrossing.cli import main; main()\n"
    )
    done = python("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


@pytest.mark.quick(1)
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_output_that_nobody_reads_ends_quietly(options: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "anticrossing", "models", *options]
    done = subprocess.run(
        command, stdout=writing, stderr=subprocess.PIPE, text=True, timeout=60, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


def test_an_output_directory_needs_the_name_of_what_to_reproduce(call: Any) -> None:
    outcome = call("reproduce", "-o", "somewhere")
    assert (outcome.status, outcome.out) == (2, "")
    assert "-o needs a name" in outcome.err


@pytest.mark.slow
def test_a_current_directory_that_is_gone(
    call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.toml").write_text(GOOD)
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    outcome = call("run", tmp_path / "a.toml", "-q", "-o", tmp_path / "out")
    assert (outcome.status, outcome.err) == (0, "")
    assert (tmp_path / "out" / "report.html").is_file()
    outcome = call("run", tmp_path / "a.toml", "-q", "-o", "out")
    assert (outcome.status, outcome.err.count("\n")) == (2, 1)
    assert "out cannot be written" in outcome.err

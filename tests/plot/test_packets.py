"""Panels of packets and ensembles show the numbers they are given; animations are files."""

from __future__ import annotations

import shutil
import struct

import numpy as np
import pytest
from matplotlib.figure import Figure

from anticrossing import Hamiltonian, InputError, MissingExtraError, Units, models, plot
from anticrossing.molecules.packets import Absorber, Grid, WavePacket, propagate_packet
from anticrossing.molecules.trajectories import Fixed, Mean, run_trajectories


@pytest.fixture(scope="module")
def packet():
    return propagate_packet(
        models.TullySimple(),
        Grid(-18.0, 22.0, 512),
        2000.0,
        WavePacket(centre=-8.0, momentum=20.0, width=1.0),
        stop=1600.0,
        step=4.0,
        samples=5,
        absorber=Absorber([[0.0, 6.0]]),
        keep_states=True,
    )


@pytest.fixture(scope="module")
def cone():
    return propagate_packet(
        models.JahnTeller(linear=1.0),
        Grid([-8.0, -8.0], [8.0, 8.0], 48),
        1.0,
        WavePacket(centre=[2.0, 0.0], momentum=[0.0, 0.0], width=1.4, basis="diabatic"),
        stop=0.5,
        step=0.05,
        samples=3,
        keep_states=True,
    )


@pytest.fixture(scope="module")
def ensemble():
    return run_trajectories(
        models.TullySimple(),
        masses=2000.0,
        initial=Fixed(position=-5.0, momentum=20.0),
        step=20.0,
        steps=60,
        count=100,
        seed=1,
    )


@pytest.mark.slow
def test_density_lies_upon_its_level_and_keeps_its_weight(packet):
    axes = Figure().subplots()
    assert plot.density(packet, [0.0, 1600.0], ax=axes) is axes
    assert "t = 0, 1600" in axes.get_title()
    filled = [area.get_paths()[0].vertices for area in axes.collections]
    assert len(filled) == 4  # two states, two times
    x, levels = packet.grid.axes[0], packet.operator.energies
    for place, vertices in enumerate(filled):
        lower, upper = np.full(x.size, np.inf), np.full(x.size, -np.inf)
        index = np.abs(vertices[:, :1] - x).argmin(axis=1)
        np.minimum.at(lower, index, vertices[:, 1])
        np.maximum.at(upper, index, vertices[:, 1])
        np.testing.assert_allclose(lower, levels[:, place % 2], atol=1e-15)
        filled[place] = np.sum(upper - lower)
    # The areas are to each other as the populations.
    populations = packet.populations[[0, 0, -1, -1], [0, 1, 0, 1]]
    np.testing.assert_allclose(
        np.array(filled) / filled[0], populations / populations[0], atol=1e-9
    )


@pytest.mark.slow
def test_map_of_two_coordinates_shows_the_density(cone):
    axes = Figure().subplots()
    plot.density(cone, 0.25, ax=axes)
    mesh, lines = axes.collections
    shown = mesh.get_array().reshape(48, 48).T
    np.testing.assert_allclose(shown, (np.abs(cone.states[1]) ** 2).sum(axis=0), atol=1e-12)
    # What the packet never reaches is left out; the lines are those of the lowest level.
    assert -8.0 < axes.get_xlim()[0] < 0.5 < 3.5 < axes.get_xlim()[1] < 8.0
    level = float(lines.levels[3])
    x, y = lines.get_paths()[3].vertices[10]
    assert np.linalg.eigvalsh(models.JahnTeller(linear=1.0)([x, y]))[0] == pytest.approx(
        level, abs=0.02
    )
    assert axes.get_title() == "Density, all levels, t = 0.25; contours: level 0"
    (bar,) = (other for other in axes.figure.axes if other is not axes)
    assert bar.get_ylabel() == "density"
    assert bar.get_ylim() == (0.0, pytest.approx(shown.max()))
    plot.density(cone, 0.25, state=1)


def test_a_flat_level_has_no_contours():
    free = Hamiltonian.from_terms([("0*x*y", [[1.0]])], coordinates=("x", "y"))
    packet = WavePacket(centre=[0.0, 0.0], momentum=0.0, width=1.5)
    result = propagate_packet(
        free, Grid([-8.0] * 2, [8.0] * 2, 32), 1.0, packet, stop=0.5, samples=2, keep_states=True
    )
    axes = plot.density(result)
    assert len(axes.collections) == 1


def test_times_are_in_the_unit_of_the_hamiltonian(packet, ensemble):
    well = Hamiltonian.from_terms([("x**2/2", [[1.0]])], units=Units("eV", "fs"))
    period = 2 * np.pi / well.units.angular
    start = WavePacket(centre=1.0, momentum=0.0, width=2**0.5)
    result = propagate_packet(
        well, Grid(-8.0, 8.0, 64), 1.0, start, stop=period, samples=3, keep_states=True
    )
    assert result.positions[:, 0] == pytest.approx([1.0, -1.0, 1.0], abs=1e-4)
    axes = plot.density(result, period / 2)
    assert axes.get_title() == "Packet at t = 2.068 (fs)"
    assert axes.get_ylabel() == "energy (eV)"
    axes = plot.density(packet)
    assert axes.get_title() == "Packet at t = 1600 (ħ/hartree)"
    axes = plot.ensemble_populations({"hopping": ensemble})
    assert axes.get_xlabel() == "time (ħ/hartree)"


def test_one_scale_for_a_packet_that_spreads():
    """Narrow at first, eight times as high as usual: it is not cut off, and the others are seen."""
    free = Hamiltonian.from_terms([("0*x", [[1.0]])])
    start = WavePacket(centre=0.0, momentum=0.0, width=0.5)
    result = propagate_packet(
        free, Grid(-30.0, 30.0, 512), 1.0, start, stop=2.0, samples=5, keep_states=True
    )
    axes = plot.density(result, result.times[[0, 2]])
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in axes.collections]
    width = 0.5 * np.abs(1 + 2j * result.times / 0.25)
    assert tops[0] / tops[1] == pytest.approx(width[2] / width[0], rel=2e-3)
    assert tops[0] == pytest.approx(2.5 * 0.35, rel=2e-3)  # of the range of energies, 1
    assert tops[0] < axes.get_ylim()[1]


def test_what_is_far_higher_than_usual_is_cut_off():
    free = Hamiltonian.from_terms([("0*x", [[1.0]])])
    start = WavePacket(centre=0.0, momentum=0.0, width=0.2)
    result = propagate_packet(
        free, Grid(-60.0, 60.0, 2048), 1.0, start, stop=2.0, samples=5, keep_states=True
    )
    axes = plot.density(result, result.times[[0, 2]])
    tops = [area.get_paths()[0].vertices[:, 1].max() for area in axes.collections]
    assert tops[0] > axes.get_ylim()[1]
    assert tops[1] == pytest.approx(0.35 * 2.5 / 10, rel=2e-3)


def test_populations_with_bands_and_the_packet(packet, ensemble):
    axes = Figure().subplots()
    plot.ensemble_populations({"hopping": ensemble}, exact=packet, ax=axes)
    ours, ours_upper, exact, exact_upper = axes.get_lines()
    np.testing.assert_array_equal(ours.get_ydata(), ensemble.populations.value[:, 0])
    np.testing.assert_array_equal(ours_upper.get_ydata(), ensemble.populations.value[:, 1])
    total = exact.get_ydata() + exact_upper.get_ydata()
    np.testing.assert_allclose(total, 1.0, atol=1e-9)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["hopping", "exact"]


def test_channels_have_error_bars():
    mean = Mean(np.array([0.2, 0.4, 0.5]), np.array([0.01, 0.02, 0.03]))
    axes = plot.channel_probabilities([10, 20, 30], {"fssh": mean}, exact=([10, 30], [0.25, 0.45]))
    (bars,) = axes.containers
    np.testing.assert_array_equal(bars[0].get_ydata(), mean.value)
    ends = np.array([segment[:, 1] for segment in bars[2][0].get_segments()])
    np.testing.assert_allclose(np.diff(ends)[:, 0], 2 * mean.error)


@pytest.mark.slow
def test_animation_has_a_frame_for_each_time(packet, cone, tmp_path):
    from PIL import Image

    for result in (packet, cone):
        path = plot.animate_packet(result, tmp_path / "packet.gif", dpi=30)
        with Image.open(path) as image:
            assert image.n_frames == len(result.times)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")
def test_animation_as_mp4(packet, tmp_path):
    path = plot.animate_packet(packet, tmp_path / "packet.mp4", dpi=30, frames_per_second=2)
    found = path.read_bytes()
    assert found[4:8] == b"ftyp"
    # The header of the movie: unit of time, then duration, of five frames half a second each.
    header = found.index(b"mvhd")
    unit, duration = struct.unpack(">II", found[header + 16 : header + 24])
    assert duration / unit == pytest.approx(2.5, abs=0.01)


def test_animation_without_its_writer(packet, tmp_path, monkeypatch):
    from matplotlib import animation

    monkeypatch.setattr(animation.writers, "is_available", lambda name: name != "ffmpeg")
    with pytest.raises(MissingExtraError, match=r"needs ffmpeg.*needs only Pillow"):
        plot.animate_packet(packet, tmp_path / "packet.mp4")
    assert not list(tmp_path.iterdir())


def test_hops_are_counted_by_what_became_of_them(ensemble):
    axes = plot.hops(ensemble, bins=10)
    heights = sum(bar.get_height() for bar in axes.patches)
    assert heights == sum(ensemble.hops.count(reason) for reason in ensemble.hops.reasons)
    for text in axes.get_legend().get_texts():
        reason, _, count = text.get_text().partition(": ")
        assert ensemble.hops.count(reason) == int(count)


def test_bad_arguments(packet, cone, ensemble, tmp_path):
    plain = propagate_packet(
        models.JahnTeller(linear=1.0),
        Grid([-8.0, -8.0], [8.0, 8.0], 48),
        1.0,
        WavePacket(centre=[2.0, 0.0], momentum=[0.0, 0.0], width=1.4, basis="diabatic"),
        stop=0.1,
        step=0.05,
        samples=2,
    )
    with pytest.raises(InputError, match="pass `keep_states=True`"):
        plot.density(plain)
    with pytest.raises(InputError, match="pass `keep_states=True`"):
        plot.animate_packet(plain, tmp_path / "a.gif")
    with pytest.raises(InputError, match="`result` must be a WavePacketPropagation"):
        plot.density(ensemble)
    with pytest.raises(InputError, match="`times` must lie between 0 and 1600"):
        plot.density(packet, 1601.0)
    with pytest.raises(InputError, match="`times` must be one time in two coordinates"):
        plot.density(cone, [0.0, 0.5])
    with pytest.raises(InputError, match="`state` must be left out in one coordinate"):
        plot.density(packet, state=0)
    with pytest.raises(InputError, match="`state` must be at most 1, but it is 2"):
        plot.density(cone, state=2)
    with pytest.raises(InputError, match=r"`path` must end in .gif or .mp4"):
        plot.animate_packet(packet, tmp_path / "a.avi")
    with pytest.raises(InputError, match="`path` must lie in a folder that exists"):
        plot.animate_packet(packet, tmp_path / "no" / "a.gif")
    with pytest.raises(InputError, match=r"`path` must be .*, but it is 5"):
        plot.animate_packet(packet, 5)
    for dpi in (5, 10**6):
        with pytest.raises(InputError, match="`dpi` must be at"):
            plot.animate_packet(packet, tmp_path / "a.gif", dpi=dpi)
    assert not list(tmp_path.iterdir())
    for wrong in ({}, [ensemble], {"a": packet}):
        with pytest.raises(InputError, match="`ensembles"):
            plot.ensemble_populations(wrong)
    mean = Mean(np.array([0.2, 0.4]), np.array([0.01, 0.02]))
    for methods in ({}, [mean], {"a": 5}):
        with pytest.raises(InputError, match="`methods"):
            plot.channel_probabilities([1.0, 2.0], methods)
    with pytest.raises(InputError, match="`exact` must"):
        plot.channel_probabilities([1.0, 2.0], {"a": mean}, exact=5)
    with pytest.raises(InputError, match="`frames_per_second` must be at least 1"):
        plot.animate_packet(packet, tmp_path / "a.gif", frames_per_second=0)
    with pytest.raises(InputError, match="`exact` must be a WavePacketPropagation"):
        plot.ensemble_populations({"a": ensemble}, exact=ensemble)
    mean = Mean(np.zeros(2), np.zeros(2))
    with pytest.raises(InputError, match="`methods` must hold means of shape"):
        plot.channel_probabilities([1.0, 2.0, 3.0], {"a": mean})
    with pytest.raises(InputError, match="`exact` must hold two arrays of one shape"):
        plot.channel_probabilities([1.0, 2.0], {"a": mean}, exact=([1.0], [1.0, 2.0]))

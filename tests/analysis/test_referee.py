"""The verdict of `passage` against the exact answer it holds."""

import anticrossing as ac


def test_a_step_in_the_drive_is_not_called_adiabatic() -> None:
    drive = ac.drive.Formula("r*t+1.5*(1+tanh((t-200)/w))", -1000, 1000, r=0.01, w=0.2)
    result = ac.passage(ac.models.LandauZener(gap=1.0), drive)
    assert result.log_jump is None
    assert "adiabatic: ln P" not in result.verdict
    assert any("contradicted" in text for text in result.warnings)

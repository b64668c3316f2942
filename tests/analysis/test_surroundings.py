"""What surrounds a passage decides whether its closed forms hold."""

import anticrossing as ac


def test_golden_rule_needs_a_window() -> None:
    result = ac.passage(ac.models.LandauZener(gap=0.1), ac.drive.Linear(-0.6, 0.1, rate=1.0))
    golden = [p for p in result.predictions if "golden" in p.name]
    assert golden
    assert golden[0].difference > 0.1
    assert not golden[0].valid

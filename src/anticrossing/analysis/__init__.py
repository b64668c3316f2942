"""The whole analysis of a sweep: crossings met, closed forms with their domain, exact answer."""

from anticrossing.analysis.closed_forms import PassagePrediction
from anticrossing.analysis.meetings import PassageEvent
from anticrossing.analysis.passage import Passage, passage

__all__ = ["Passage", "PassageEvent", "PassagePrediction", "passage"]

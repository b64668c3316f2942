from . import (
    ab_initio as ab_initio,
    electronic as electronic,
    finished as finished,
    packets as packets,
    rates as rates,
    trajectories as trajectories,
    vibronic as vibronic,
)

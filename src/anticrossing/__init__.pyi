from . import (
    analysis as analysis,
    control as control,
    drive as drive,
    dynamics as dynamics,
    environment as environment,
    fits as fits,
    formulas as formulas,
    geometry as geometry,
    hamiltonian as hamiltonian,
    jax as jax,
    models as models,
    molecules as molecules,
    oqupy as oqupy,
    plot as plot,
    qutip as qutip,
    reproduce as reproduce,
    spectrum as spectrum,
    studies as studies,
    sweeps as sweeps,
    thermodynamics as thermodynamics,
    units as units,
)
from ._core.checks import (
    AnticrossingError as AnticrossingError,
    ConvergenceError as ConvergenceError,
    InputError as InputError,
    MissingExtraError as MissingExtraError,
)
from ._version import __version__ as __version__
from .analysis import (
    AdiabaticImpulse as AdiabaticImpulse,
    Passage as Passage,
    adiabatic_expansion as adiabatic_expansion,
    adiabatic_impulse as adiabatic_impulse,
    coherent_incoherent_split as coherent_incoherent_split,
    coupling_peak as coupling_peak,
    decoherence_regime as decoherence_regime,
    intersection_passage as intersection_passage,
    passage as passage,
)
from .drive import Drive as Drive
from .dynamics import Propagation as Propagation, propagate as propagate
from .environment import (
    Bath as Bath,
    Decay as Decay,
    Dephasing as Dephasing,
    Environment as Environment,
    FixedAxisDephasing as FixedAxisDephasing,
    Lindblad as Lindblad,
    ThermalRelaxation as ThermalRelaxation,
)
from .hamiltonian import Hamiltonian as Hamiltonian
from .spectrum import find_crossings as find_crossings
from .sweeps import sweep as sweep
from .units import Units as Units

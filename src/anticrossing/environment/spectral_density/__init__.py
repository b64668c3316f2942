"""Baths of harmonic oscillators: how strongly each frequency couples to an energy difference.

Two states whose minima differ by displacements of many oscillators are described by one function,

J(ω) = π Σ_k S_k ω_k² δ(ω − ω_k),        λ = Σ_k S_k ω_k = (1/π) ∫₀^∞ dω J(ω)/ω,

with the Huang–Rhys factors S_k = ΔQ_k²/2 of the displacements between the two minima (dimensionless
normal coordinates) and the reorganisation energy λ. In the notation H = ½σ_z Σ c_k x_k it is
J = (π/2) Σ c_k²/(m_k ω_k) δ(ω − ω_k). Frequencies and energies have the same unit (ħ = 1).
"""

from anticrossing._core.public import guard
from anticrossing.environment.spectral_density.densities import (
    Combined as Combined,
    Continuum as Continuum,
    Discrete as Discrete,
    SpectralDensity as SpectralDensity,
)
from anticrossing.environment.spectral_density.measured import Measured as Measured
from anticrossing.environment.spectral_density.named import (
    BrownianOscillator as BrownianOscillator,
    Debye as Debye,
    Ohmic as Ohmic,
)

guard(__name__)

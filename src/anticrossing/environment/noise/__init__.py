"""Classical noise: a number that fluctuates in H, on its coordinate or times an operator.

H(x + δ(t)), or H(x) + δ(t) A. White noise forgets at once and is a jump operator; what remembers is
a Markov process with a few states, beside whose every state the density matrix is followed.
Environments add up: two noises, or noise and relaxation, act at once.

The spectrum of a noise is S(ω) = ∫ ⟨δ(t)δ(0)⟩ exp(iωt) dt, of both signs of ω, in the square of the
unit of δ times time; the variance is ∫ S dω/2π. δ is an energy if it multiplies an operator, else
it has the unit of x.
"""

from anticrossing._core.public import guard
from anticrossing.environment.noise.base import (
    MarkovNoise as MarkovNoise,
    Noise as Noise,
    Process as Process,
)
from anticrossing.environment.noise.gaussian import (
    GaussianNoise as GaussianNoise,
    OrnsteinUhlenbeckNoise as OrnsteinUhlenbeckNoise,
    QuasiStaticNoise as QuasiStaticNoise,
)
from anticrossing.environment.noise.pink import PinkNoise as PinkNoise
from anticrossing.environment.noise.spectrum import NoiseSpectrum as NoiseSpectrum
from anticrossing.environment.noise.telegraph import TelegraphNoise as TelegraphNoise
from anticrossing.environment.noise.white import WhiteNoise as WhiteNoise

guard(__name__)

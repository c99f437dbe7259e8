"""Bases of functions of one coordinate in [-1, 1], of which ``tensor`` features are products. Registered by name."""

from pinnscene.bases.base import Basis as Basis
from pinnscene.bases.base import bases as bases
from pinnscene.bases.chebyshev import Chebyshev as Chebyshev
from pinnscene.bases.spline import Spline as Spline
from pinnscene.bases.waves import Cosine as Cosine
from pinnscene.bases.waves import Fourier as Fourier
from pinnscene.bases.waves import Sine as Sine

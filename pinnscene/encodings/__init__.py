"""Encodings: what a backbone sees of the coordinates. Each is registered in ``encodings`` by name."""

from pinnscene.encodings.base import Encoding as Encoding
from pinnscene.encodings.base import encodings as encodings
from pinnscene.encodings.fourier import Fourier as Fourier
from pinnscene.encodings.fourier import LearnedFourier as LearnedFourier
from pinnscene.encodings.grid import Grid as Grid
from pinnscene.encodings.grid import Hash as Hash
from pinnscene.encodings.identity import Identity as Identity
from pinnscene.encodings.inversion import Inversion as Inversion
from pinnscene.encodings.positional import Positional as Positional
from pinnscene.encodings.radial import Radial as Radial
from pinnscene.encodings.tensor import TensorProduct as TensorProduct

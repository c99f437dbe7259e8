"""Fields of light: density and colour, for rays to look at."""

from pinnscene.radiance.directions import Harmonics as Harmonics
from pinnscene.radiance.field import RadianceField as RadianceField
from pinnscene.radiance.seen import Seen as Seen

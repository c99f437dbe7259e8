"""Regions of space of any form, their samplers and the named parts of their boundaries."""

from pinnscene.geometry.csg import as_region as as_region
from pinnscene.geometry.flower import Flower as Flower
from pinnscene.geometry.hard import hard_on as hard_on
from pinnscene.geometry.implicit import Implicit as Implicit
from pinnscene.geometry.overtime import OverTime as OverTime
from pinnscene.geometry.polygon import Polygon as Polygon
from pinnscene.geometry.primitives import Ball as Ball
from pinnscene.geometry.primitives import Ellipsoid as Ellipsoid
from pinnscene.geometry.primitives import disc as disc
from pinnscene.geometry.primitives import interval as interval
from pinnscene.geometry.prism import Prism as Prism
from pinnscene.geometry.prism import cylinder as cylinder
from pinnscene.geometry.region import Region as Region
from pinnscene.geometry.sides import Sided as Sided
from pinnscene.geometry.sides import Sides as Sides
from pinnscene.geometry.solid import Solid as Solid

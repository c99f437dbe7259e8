"""The derivative engines: nested reverse autograd, and forward jets: merged streams to second order, towers beyond."""

from pinnscene.derivatives.jet import Jet as Jet
from pinnscene.derivatives.names import Index as Index
from pinnscene.derivatives.names import Operator as Operator
from pinnscene.derivatives.names import parse as parse
from pinnscene.derivatives.nested import nested as nested
from pinnscene.derivatives.streams import Streams as Streams
from pinnscene.derivatives.taylor import Taylor as Taylor
from pinnscene.derivatives.taylor import Tower as Tower
from pinnscene.derivatives.taylor import jet_of as jet_of
from pinnscene.derivatives.taylor import plan as plan

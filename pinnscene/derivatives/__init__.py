"""The two derivative engines: nested reverse autograd (any order) and forward jets (to second order)."""

from pinnscene.derivatives.jet import Jet as Jet
from pinnscene.derivatives.names import Index as Index
from pinnscene.derivatives.names import Operator as Operator
from pinnscene.derivatives.names import parse as parse
from pinnscene.derivatives.nested import nested as nested
from pinnscene.derivatives.streams import Streams as Streams

"""Solvers: ways to step towards a field that satisfies its constraints. Registered in ``solvers`` by name."""

from pinnscene.solvers.adam import Adam as Adam
from pinnscene.solvers.base import Solver as Solver
from pinnscene.solvers.base import Stepper as Stepper
from pinnscene.solvers.base import solvers as solvers
from pinnscene.solvers.gaussnewton import GaussNewton as GaussNewton
from pinnscene.solvers.head import Head as Head
from pinnscene.solvers.lbfgs import Lbfgs as Lbfgs
from pinnscene.solvers.soap import Soap as Soap
from pinnscene.solvers.ssbroyden import SsBroyden as SsBroyden
from pinnscene.solvers.varpro import VarPro as VarPro

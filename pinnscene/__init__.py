"""pinnscene: say what must be true of a field, and get the field.

A *problem* is a set of constraints on a *field*; one trainer satisfies them; one renderer shows the field.
The names below are loaded on first use, so that importing this package costs no second of torch.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pinnscene.ansatz import Ansatz as Ansatz
    from pinnscene.batch import Batch as Batch
    from pinnscene.batch import Points as Points
    from pinnscene.boundary import Dirichlet as Dirichlet
    from pinnscene.boundary import FluxJump as FluxJump
    from pinnscene.boundary import Jump as Jump
    from pinnscene.boundary import Neumann as Neumann
    from pinnscene.boundary import Periodic as Periodic
    from pinnscene.boundary import Robin as Robin
    from pinnscene.boundary import Velocity as Velocity
    from pinnscene.constraint import Constraint as Constraint
    from pinnscene.domain import Box as Box
    from pinnscene.domain import Domain as Domain
    from pinnscene.errors import PinnsceneError as PinnsceneError
    from pinnscene.field import Field as Field
    from pinnscene.fieldspec import FieldSpec as FieldSpec
    from pinnscene.hard import hard_conditions as hard_conditions
    from pinnscene.marching import Marching as Marching
    from pinnscene.measurements import Agree as Agree
    from pinnscene.operators import divergence as divergence
    from pinnscene.operators import gradient as gradient
    from pinnscene.operators import hessian as hessian
    from pinnscene.operators import jacobian as jacobian
    from pinnscene.operators import laplacian as laplacian
    from pinnscene.operators import operator as operator
    from pinnscene.operators import partials as partials
    from pinnscene.piecewise import Piecewise as Piecewise
    from pinnscene.problem import Problem as Problem
    from pinnscene.problem import register as register
    from pinnscene.quadrature import Integral as Integral
    from pinnscene.quadrature import Quadrature as Quadrature
    from pinnscene.samplers import Fixed as Fixed
    from pinnscene.trainer import train as train

_HOME = {
    "Agree": "measurements",
    "Dirichlet": "boundary",
    "FluxJump": "boundary",
    "Integral": "quadrature",
    "Jump": "boundary",
    "Neumann": "boundary",
    "Periodic": "boundary",
    "Quadrature": "quadrature",
    "Robin": "boundary",
    "Velocity": "boundary",
    "hard_conditions": "hard",
    "Ansatz": "ansatz",
    "Batch": "batch",
    "Points": "batch",
    "register": "problem",
    "Constraint": "constraint",
    "Box": "domain",
    "Domain": "domain",
    "PinnsceneError": "errors",
    "Field": "field",
    "FieldSpec": "fieldspec",
    "Piecewise": "piecewise",
    "Marching": "marching",
    "divergence": "operators",
    "gradient": "operators",
    "hessian": "operators",
    "jacobian": "operators",
    "laplacian": "operators",
    "operator": "operators",
    "partials": "operators",
    "Problem": "problem",
    "Fixed": "samplers",
    "train": "trainer",
}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"pinnscene.{_HOME[name]}"), name)
    raise AttributeError(f"module 'pinnscene' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])


try:
    __version__ = version("pinnscene")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

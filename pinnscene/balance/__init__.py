"""Loss balancing: weights of the losses that follow from the field, by name."""

from pinnscene.balance.base import Balance as Balance
from pinnscene.balance.base import Weights as Weights
from pinnscene.balance.base import balances as balances
from pinnscene.balance.fixed import FixedWeights as FixedWeights
from pinnscene.balance.gradnorm import GradNorm as GradNorm
from pinnscene.balance.ntk import Ntk as Ntk
from pinnscene.balance.relobralo import Relobralo as Relobralo

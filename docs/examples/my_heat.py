from dataclasses import dataclass

import torch
from pinnscene import Box, Constraint, Problem, partials


@dataclass(frozen=True)
class Heat1D(Problem):
    """u_t = alpha u_xx on [0,1]^2; u(0,t) = u(1,t) = 0; u(x,0) = sin(pi x)."""

    alpha: float = 0.1  # thermal diffusivity, length^2 / time
    n: int = 512  # collocation points per step
    values, domain = ("u",), Box(x=(0, 1), t=(0, 1))

    def heat(self, u, p):
        u_t, u_xx = partials(u, p, "t", "xx")
        return u_t - self.alpha * u_xx

    def constraints(self):
        start = lambda u, p: u(p) - torch.sin(torch.pi * p[:, :1])
        return {
            "pde": Constraint(self.domain.interior(self.n), self.heat),
            "walls": Constraint(self.domain.face(self.n, "x"), lambda u, p: u(p)),
            "start": Constraint(self.domain.face(self.n, t=0.0), start),
        }

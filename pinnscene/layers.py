"""Layers that take tensors and jets alike: affine maps and activations.

Initialisation never touches the global random state: the owner fills the weights from a generator.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from pinnscene.derivatives.jet import Jet


class Affine(nn.Module):
    """x W^T + b with W [outputs, inputs]; zero until ``uniform`` fills it. Not ``biased``, b stays zero."""

    bias: Tensor

    def __init__(self, inputs: int, outputs: int, biased: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(outputs, inputs))
        zero = torch.zeros(outputs)
        if biased:
            self.bias = nn.Parameter(zero)
        else:
            self.register_buffer("bias", zero)

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        if isinstance(a, Jet):
            return a.affine(self.weight, self.bias)
        return F.linear(a, self.weight, self.bias)

    @torch.no_grad()
    def uniform(self, weight: float | Tensor, bias: float | Tensor, g: torch.Generator) -> None:
        """Draw W and b uniformly in +-weight and +-bias (scalars, or one bound an input)."""
        shape, device = self.weight.shape, g.device
        w = torch.rand(*shape, generator=g, device=device, dtype=torch.float64) * 2 - 1
        b = torch.rand(shape[0], generator=g, device=device, dtype=torch.float64) * 2 - 1
        self.weight.copy_(w * weight)
        self.bias.copy_(b * bias)


M = TypeVar("M", bound=nn.Module)


def stack(modules: Iterable[M]) -> Sequence[M]:
    """The modules as a registered list that keeps their type for readers and checkers."""
    return cast("Sequence[M]", nn.ModuleList(modules))


class Activation(nn.Module, ABC):
    """An elementwise function with its first three derivatives."""

    @abstractmethod
    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        """s(z) and its derivatives to ``order``, at most the third."""

    def tower(self, z: Tensor, order: int) -> Sequence[Tensor]:
        """s(z) and its derivatives to any ``order``: those past the third by autograd."""
        if order <= 3:
            return self.derivatives(z, order)
        keep = torch.is_grad_enabled()
        with torch.enable_grad():
            at = z if z.requires_grad else z.detach().requires_grad_()
            known = list(self.derivatives(at, 3))
            while len(known) <= order:
                flat = not known[-1].requires_grad
                known.append(known[-1] if flat else torch.autograd.grad(known[-1].sum(), at, create_graph=True)[0])
        return known if keep else [s.detach() for s in known]

    def forward(self, a: Tensor | Jet) -> Tensor | Jet:
        return a.pointwise(self.tower) if isinstance(a, Jet) else self.derivatives(a, 0)[0]


class Sine(Activation):
    """sin(omega z)."""

    def __init__(self, omega: float = 1.0) -> None:
        super().__init__()
        self.omega = omega

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        w = self.omega
        phase = z if w == 1.0 else w * z
        s = torch.sin(phase)
        if order == 0:
            return (s,)
        c = torch.cos(phase)
        slope = c if w == 1.0 else w * c
        first = (s, slope, -(w * w) * s)
        return first[: order + 1] if order < 3 else (*first, -(w * w) * slope)

    def tower(self, z: Tensor, order: int) -> Sequence[Tensor]:
        even, odd = self.derivatives(z, min(order, 1)) if order else (*self.derivatives(z, 0), z)
        square = -(self.omega**2)  # each further derivative is this times the one before last
        return [square ** (k // 2) * (odd if k % 2 else even) for k in range(order + 1)]


class Tanh(Activation):
    """tanh(z)."""

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        s = torch.tanh(z)
        if order == 0:
            return (s,)
        s1 = 1 - s * s
        first = (s, s1, -2 * s * s1)
        return first[: order + 1] if order < 3 else (*first, s1 * (6 * s * s - 2))


class Relu(Activation):
    """max(z, 0); its second derivative is zero almost everywhere."""

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        s = F.relu(z)
        zero = torch.zeros_like(z)
        return (s,) if order == 0 else (s, (z > 0).to(z.dtype), zero, zero)[: order + 1]


class Softplus(Activation):
    """log(1 + exp(beta z)) / beta."""

    def __init__(self, beta: float = 10.0) -> None:
        super().__init__()
        self.beta = beta

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        # logsigmoid is smooth everywhere: F.softplus switches to z past a threshold, which breaks s'', and the second
        # derivative of logaddexp overflows in float32
        s = -F.logsigmoid(-self.beta * z) / self.beta
        if order == 0:
            return (s,)
        s1 = torch.sigmoid(self.beta * z)
        s2 = self.beta * s1 * (1 - s1)
        return (s, s1, s2, self.beta * s2 * (1 - 2 * s1))[: order + 1]


class Gelu(Activation):
    """z Phi(z), exact."""

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        s = F.gelu(z)
        if order == 0:
            return (s,)
        density = torch.exp(-0.5 * z * z) * 0.3989422804014327
        below = 0.5 * (1 + torch.erf(z * 0.7071067811865476))
        square = z * z
        return (s, below + z * density, (2 - square) * density, z * (square - 4) * density)[: order + 1]


class Silu(Activation):
    """z / (1 + exp(-z)): as smooth as gelu, and cheaper."""

    def derivatives(self, z: Tensor, order: int) -> tuple[Tensor, ...]:
        p = torch.sigmoid(z)
        s = z * p
        if order == 0:
            return (s,)
        q = 1 - p
        p1 = p * q
        p2 = p1 * (q - p)
        p3 = p1 * (1 - 6 * p1)
        return (s, p + z * p1, 2 * p1 + z * p2, 3 * p2 + z * p3)[: order + 1]


ACTIVATIONS: dict[str, type[Activation]] = {
    "relu": Relu,
    "tanh": Tanh,
    "softplus": Softplus,
    "gelu": Gelu,
    "silu": Silu,
    "sine": Sine,
}

"""How jets pass through affine layers and activations, with backward passes by hand.

Autograd through the same formulas would keep several tensors a stream and visit them one by one; written out, the
backward pass is one matrix product and a few elementwise ones. With h = s(z), h_i = s' z_i, Lh = s' Lz + s'' Q and
Q = sum c_ij z_i z_j, the adjoints of (h, h_i, Lh) = (a, a_i, A) give

    z:   a s' + sum a_i s'' z_i + A (s'' Lz + s''' Q)
    z_i: a_i s' + A s'' sum_j (c_ij + c_ji) z_j
    Lz:  A s'
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from pinnscene.derivatives.streams import Streams

Rule = Callable[[Tensor, int], Sequence[Tensor]]  # (z, order) -> s, s', ... to that order


class AffineRule(torch.autograd.Function):
    """data W^T, plus the bias in the value alone: the other streams of a constant are zero."""

    @staticmethod
    def forward(ctx: Any, data: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(data, weight)
        z = F.linear(data, weight)
        z[0] += bias
        return z

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        data, weight = ctx.saved_tensors
        (g,) = grads
        wanted = ctx.needs_input_grad
        return (
            g @ weight if wanted[0] else None,
            g.flatten(0, 1).T @ data.flatten(0, 1) if wanted[1] else None,
            g[0].sum(0) if wanted[2] else None,
        )


class PointwiseRule(torch.autograd.Function):
    """h = s(z) for all streams; coefficients are constants here."""

    @staticmethod
    def forward(ctx: Any, data: Tensor, streams: Streams, rule: Rule) -> Tensor:
        ctx.save_for_backward(data)
        ctx.streams, ctx.rule = streams, rule
        return push(data, streams, rule)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        (data,) = ctx.saved_tensors
        (g,) = grads
        streams: Streams = ctx.streams
        d = len(streams.directions)
        curved = any(op.second for op in streams.operators)
        s = ctx.rule(data[0], 3 if curved else 2)
        slopes = data[1 : 1 + d]
        out = s[1] * g
        # every stream beside the value carries s' z_k, whose derivative to z is s'' z_k
        bent = (g[1:] * data[1:]).sum(0) * s[2]
        for k, op in enumerate(streams.operators, 1 + d):
            if op.second:
                bent.addcmul_(g[k] * s[3], streams.quadratic(op, slopes, slopes))
                strength = g[k] * s[2]
                for i, j, c in op.second:
                    weighted = strength * c
                    out[1 + i].addcmul_(weighted, slopes[j])
                    out[1 + j].addcmul_(weighted, slopes[i])
        out[0] += bent
        return out, None, None


def push(data: Tensor, streams: Streams, rule: Rule) -> Tensor:
    """The forward formulas, differentiable to any input by autograd too."""
    slopes = data[1 : 1 + len(streams.directions)]
    curved = any(op.second for op in streams.operators)
    order = 2 if curved else int(len(data) > 1)
    s = rule(data[0], order)
    if not order:
        return s[0][None]
    h = s[1] * data
    h[0] = s[0]
    for k, op in enumerate(streams.operators, 1 + len(slopes)):
        if op.second:
            h[k].addcmul_(s[2], streams.quadratic(op, slopes, slopes))
    return h

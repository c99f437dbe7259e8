"""How residuals depend on every weight of a field, without a derivative for each row.

Through a linear layer z = W a + b that carries the streams s of a jet, row n of a residual that is pointwise has

    dr_n / dW = sum_s (dr_n / dz_sn) a_sn^T,    dr_n / db = dr_n / dz_0n,

and one backward pass from sum_n r_n gives dr_n / dz at every row, since rows do not mix. So the inputs a and the
slopes dr/dz of each layer hold the whole Jacobian: it need not be formed to be multiplied with. Residuals whose rows
mix (an integral), and weights outside linear layers (a table of a grid), are differentiated row by row.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from pinnscene.constraint import Block
from pinnscene.derivatives import Jet
from pinnscene.errors import PinnsceneError
from pinnscene.field import Field
from pinnscene.layers import Affine
from pinnscene.parallel import total
from pinnscene.solvers.parabola import row_scale, row_target

STRIP = 4096  # rows of a Jacobian that are written out at a time


class Pass(NamedTuple):
    """One pass through a linear layer: its inputs [s, n, i], and its outputs as autograd knows them."""

    layer: Affine
    inputs: Tensor
    outputs: Tensor


class Factor(NamedTuple):
    """What a layer adds to rows of the Jacobian: slopes [s, n, o] to its outputs, inputs [s, n, i], first column."""

    slopes: Tensor
    inputs: Tensor
    column: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.slopes.shape[2], self.inputs.shape[2]

    def parts(self, v: Tensor) -> tuple[Tensor, Tensor]:
        """The entries of a vector [..., parameters] that are this layer's W [..., o, i] and b [..., o]."""
        o, i = self.shape
        w, b = v[..., self.column : self.column + o * i], v[..., self.column + o * i : self.column + o * i + o]
        return w.unflatten(-1, (o, i)), b


class Rows(NamedTuple):
    """Rows of the Jacobian, scaled so that their squares sum to the loss: layer by layer, or written out.

    Attributes:
        residual, scale: entries of a residual and what they are multiplied by, [n].
        target: what J d should be, [n].
        factors: what each pass through a linear layer adds.
        dense: [n, parameters] of what has no such form; None where everything has.
    """

    residual: Tensor
    scale: Tensor
    target: Tensor
    factors: list[Factor]
    dense: Tensor | None


class Jacobian:
    """The rows of all blocks, residual entries by parameters; see ``jacobian_of``."""

    def __init__(self, rows: list[Rows], columns: int) -> None:
        self.rows, self.columns = rows, columns
        self.target, self.scale, self.residual = (
            torch.cat([getattr(row, name) for row in rows]) for name in ("target", "scale", "residual")
        )

    def __len__(self) -> int:
        return len(self.target)

    def dense(self) -> Tensor:
        """J [rows, parameters]."""
        return torch.cat(list(self.strips()))

    def strips(self) -> Iterator[Tensor]:
        """J, some rows at a time."""
        for row in self.rows:
            for part in torch.arange(len(row.target), device=row.target.device).split(STRIP):
                yield _written_out(row, slice(int(part[0]), int(part[-1]) + 1), self.columns)

    def times(self, v: Tensor) -> Tensor:
        """J v [rows] without J."""
        products = []
        for row in self.rows:
            product = torch.zeros_like(row.target) if row.dense is None else row.dense @ v
            for factor in row.factors:
                weight, bias = factor.parts(v)
                product += (factor.slopes * (factor.inputs @ weight.T)).sum((0, 2)) + factor.slopes[0] @ bias
            products.append(product)
        return torch.cat(products)

    def transposed(self, w: Tensor) -> Tensor:
        """J^T w [parameters] without J."""
        product = w.new_zeros(self.columns)
        for row, part in zip(self.rows, w.split([len(row.target) for row in self.rows]), strict=True):
            if row.dense is not None:
                product += row.dense.T @ part
            for factor in row.factors:
                weight, bias = factor.parts(product)
                slopes = factor.slopes * part[:, None]
                weight += slopes.flatten(0, 1).T @ factor.inputs.flatten(0, 1)
                bias += slopes[0].sum(0)
        return product

    def kernel(self) -> Tensor:
        """J J^T [rows, rows] without J: each pair of streams of a layer adds (slopes slopes^T) o (inputs inputs^T)."""
        if all(row.dense is None for row in self.rows):
            sizes = [len(row.target) for row in self.rows]
            k = self.target.new_zeros(len(self), len(self))
            strips = zip(self.rows, k.split(sizes), strict=True)
            for a, strip in strips:
                for b, tile in zip(self.rows, strip.split(sizes, 1), strict=True):
                    for f in a.factors:
                        for g in b.factors:
                            if f.column == g.column:
                                _add_gram(tile, f, g)
            return k
        j = self.dense()
        return j @ j.T


def _written_out(row: Rows, part: slice, columns: int) -> Tensor:
    """Some rows of the Jacobian, dense."""
    n = len(row.target[part])
    j = row.target.new_zeros(n, columns) if row.dense is None else row.dense[part].clone()
    for factor in row.factors:
        weight, bias = factor.parts(j)
        for slopes, inputs in zip(factor.slopes[:, part], factor.inputs[:, part], strict=True):
            weight.addcmul_(slopes[:, :, None], inputs[:, None, :])
        bias += factor.slopes[0, part]
    return j


def _add_gram(tile: Tensor, f: Factor, g: Factor) -> None:
    for s, (slopes, inputs) in enumerate(zip(f.slopes, f.inputs, strict=True)):
        for t, (others, points) in enumerate(zip(g.slopes, g.inputs, strict=True)):
            grown = inputs @ points.T
            if s == t == 0:
                grown += 1  # the bias
            tile.addcmul_(slopes @ others.T, grown)


def parameters_of(field: Field) -> list[nn.Parameter]:
    """The trainable parameters, in the order of the Jacobian's columns: linear layers first, weight and bias."""
    linear = [p for m in _layers(field) for p in m.parameters()]
    known = {id(p) for p in linear}
    return linear + [p for p in field.parameters() if p.requires_grad and id(p) not in known]


def _layers(field: Field) -> list[Affine]:
    modules = [m for m in field.modules() if isinstance(m, Affine)]
    return [m for m in modules if m.weight.requires_grad and m.bias.requires_grad]


def jacobian_of(field: Field, blocks_of: Sequence[Callable[[], list[Block]]]) -> Jacobian:
    """The Jacobian of residuals to all parameters at the present weights; rows by block, output and point.

    Args:
        field: the field.
        blocks_of: evaluates the residuals of one constraint each, on ``field`` itself.
    """
    parameters = parameters_of(field)
    rows = []
    for evaluate in blocks_of:
        with _recorded(field) as passes:
            found = evaluate()
        for block in found:
            rows += _rows(field, block, passes, parameters)
    return Jacobian(rows, sum(p.numel() for p in parameters))


def residual_of(blocks: Sequence[Block]) -> Tensor:
    """The entries of residuals in the order of the Jacobian's rows."""
    return torch.cat([block.residual.T.flatten() for block in blocks])


class Size(NamedTuple):
    """How large a Jacobian is: rows of all processes, columns, and the numbers kept by layers and written out here."""

    rows: int
    columns: int
    factors: int
    dense: int


def survey(field: Field, blocks_of: Sequence[Callable[[], list[Block]]]) -> Size:
    """The size of what ``jacobian_of`` would return, at the cost of evaluating the residuals once.

    Raises:
        PinnsceneError: a residual that does not depend on the field.
    """
    parameters = parameters_of(field)
    columns = sum(p.numel() for p in parameters)
    rows, factors, dense = 0, 0, 0
    for evaluate in blocks_of:
        with _recorded(field) as passes:
            found = evaluate()
        kept = sum(p.inputs.numel() + p.outputs.numel() for p in passes)
        for block in found:
            _expect_dependence(block)
            r = block.residual
            rows += r.numel()
            mixed = not _pointwise(r, [p for p in passes if p.layer is field.head])
            factors += 0 if mixed else kept * r.shape[1]
            dense += r.numel() * columns if mixed or _loose(field, parameters) else 0
    counts = torch.tensor(float(rows), dtype=torch.float64)
    return Size(int(total(counts)), columns, factors, dense)


@contextmanager
def _recorded(field: Field) -> Iterator[list[Pass]]:
    """Every pass through a linear layer of ``field`` meanwhile; derivatives go by jets, whose layers are plain."""
    passes: list[Pass] = []

    def note(layer: nn.Module, inputs: tuple[Tensor | Jet], output: Tensor | Jet) -> None:
        assert isinstance(layer, Affine)
        a = inputs[0].data if isinstance(inputs[0], Jet) else inputs[0][None]
        z = output.data if isinstance(output, Jet) else output
        passes.append(Pass(layer, a.detach(), z))

    hooks = [layer.register_forward_hook(note) for layer in _layers(field)]
    engine, field.engine = field.engine, "jets"
    try:
        with torch.enable_grad():
            yield passes
    finally:
        field.engine = engine
        for hook in hooks:
            hook.remove()


def _rows(field: Field, block: Block, passes: Sequence[Pass], parameters: Sequence[nn.Parameter]) -> list[Rows]:
    r = block.residual
    detached = block._replace(residual=r.detach())
    scale, target = row_scale(detached), row_target(detached)
    loose = _loose(field, parameters)
    mixed = not _pointwise(r, [p for p in passes if p.layer is field.head])
    found = []
    for column, s, y in zip(r.unbind(1), scale.unbind(1), target.unbind(1), strict=True):
        factors = [] if mixed else _factors(field, column, s, passes)
        skipped = set() if mixed else {id(p) for p in parameters} - loose
        dense = _dense(column, s, parameters, skipped) if mixed or loose else None
        found.append(Rows(column.detach(), s, s * y, factors, dense))
    return found


def _expect_dependence(block: Block) -> None:
    if not block.residual.requires_grad:
        raise PinnsceneError(
            f"the residual of '{block.name}' does not depend on the field: it must use u, "
            "for example u(p) or partials(u, p, 'xx')"
        )


def _loose(field: Field, parameters: Sequence[nn.Parameter]) -> set[int]:
    linear = {id(p) for m in _layers(field) for p in (m.weight, m.bias)}
    return {id(p) for p in parameters} - linear


def _pointwise(r: Tensor, passes: Sequence[Pass]) -> bool:
    """Whether rows of r depend on the same rows of the field alone: then weighting them weights the slopes alike."""
    outputs = [p.outputs for p in passes]
    if not outputs or any(p.inputs.shape[1] != len(r) for p in passes):
        return False
    probe = torch.linspace(0.5, 1.5, len(r), dtype=r.dtype, device=r.device)[:, None]
    plain = torch.autograd.grad(r.sum(), outputs, retain_graph=True, allow_unused=True)
    weighted = torch.autograd.grad((r * probe).sum(), outputs, retain_graph=True, allow_unused=True)
    rtol = max(1e-9, 64 * torch.finfo(r.dtype).eps)
    return all(
        a is None or b is None or torch.allclose(a * probe, b, rtol=rtol, atol=1e-3 * rtol)
        for a, b in zip(plain, weighted, strict=True)
    )


def _factors(field: Field, column: Tensor, scale: Tensor, passes: Sequence[Pass]) -> list[Factor]:
    starts, start = {}, 0
    for layer in _layers(field):
        starts[layer] = start
        start += layer.weight.numel() + layer.bias.numel()
    outputs = [p.outputs for p in passes]
    slopes = torch.autograd.grad(column.sum(), outputs, retain_graph=True, allow_unused=True)
    return [
        Factor(g.view(p.inputs.shape[0], -1, g.shape[-1]) * scale[:, None], p.inputs, starts[p.layer])
        for p, g in zip(passes, slopes, strict=True)
        if g is not None
    ]


def _dense(column: Tensor, scale: Tensor, parameters: Sequence[nn.Parameter], skipped: set[int]) -> Tensor:
    """Rows by a backward pass each; zero in the columns of ``skipped`` parameters."""
    j = column.new_zeros(len(column), sum(p.numel() for p in parameters))
    sizes = [p.numel() for p in parameters]
    places = [(p, part) for p, part in zip(parameters, j.split(sizes, 1), strict=True) if id(p) not in skipped]
    for i, (entry, s) in enumerate(zip(column, scale, strict=True)):
        grads = torch.autograd.grad(entry, [p for p, _ in places], retain_graph=True, allow_unused=True)
        for (_, part), g in zip(places, grads, strict=True):
            if g is not None:
                torch.mul(g.flatten(), s, out=part[i])
    return j

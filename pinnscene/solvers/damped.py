"""Damped least squares with a Jacobian in three forms: primal, dual and matrix-free.

Each finds the d that minimises ||J d - w||^2 + damping ||d||^2, for several w and dampings at one J. With several
processes, each holds its rows of J and w; d is the same everywhere.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from pinnscene.parallel import gather_rows, total, world
from pinnscene.solvers.jacobian import Jacobian

SQUARES = 1e-13  # share of the trace of J^T J below which a damping drowns in its rounding


class Form(ABC):
    """J in one form; see the module."""

    def __init__(self, jacobian: Jacobian) -> None:
        self.j = jacobian

    @abstractmethod
    def solve(self, w: Tensor, damping: float) -> Tensor:
        """The d [parameters] for w [rows]."""

    def normal(self, w: Tensor, d: Tensor, damping: float) -> Tensor:
        """J^T (w - J d) - damping d: zero at the solution."""
        return total(self.j.transposed(w - self.j.times(d))) - damping * d


class Primal(Form):
    """A triangular factor R of [J; sqrt(damping) I], by Cholesky or where that loses the damping by QR.

    The steps are those of corrected seminormal equations: solve R^T R d = J^T w, and once more for what is left
    (Bjoerck, Numerical methods for least squares problems, 1996, section 6.6.5).
    """

    def __init__(self, jacobian: Jacobian) -> None:
        super().__init__(jacobian)
        p = jacobian.columns
        self.gram = jacobian.target.new_zeros(p, p)
        for strip in jacobian.strips():
            _add_squares(self.gram, strip)
        self.gram = total(self.gram)
        self.trace = float(self.gram.trace())
        self.upper: Tensor | None = None  # of J itself
        self.known: tuple[float, Tensor] | None = None

    def solve(self, w: Tensor, damping: float) -> Tensor:
        factor = self._factor(damping)
        d = torch.cholesky_solve(total(self.j.transposed(w))[:, None], factor, upper=True)
        return (d + torch.cholesky_solve(self.normal(w, d[:, 0], damping)[:, None], factor, upper=True))[:, 0]

    def _factor(self, damping: float) -> Tensor:
        if self.known is None or self.known[0] != damping:
            self.known = damping, self._factorise(damping)
        return self.known[1]

    def _factorise(self, damping: float) -> Tensor:
        if damping > SQUARES * self.trace:
            shifted = self.gram.clone()
            shifted.diagonal().add_(damping)
            factor, info = torch.linalg.cholesky_ex(shifted, upper=True)
            if int(info) == 0:
                return factor
        if self.upper is None:
            self.upper = self._reduce()
        ridge = torch.zeros_like(self.gram)
        ridge.diagonal().fill_(max(damping**0.5, torch.finfo(ridge.dtype).tiny ** 0.5))
        return torch.linalg.qr(torch.cat([self.upper, ridge]), mode="r")[1]

    def _reduce(self) -> Tensor:
        """The triangular factor of all rows of J, strip by strip, process by process."""
        upper = torch.zeros_like(self.gram)
        for strip in self.j.strips():
            upper = torch.linalg.qr(torch.cat([upper, strip]), mode="r")[1]
        return upper if world() == 1 else torch.linalg.qr(gather_rows(upper), mode="r")[1]


def _add_squares(gram: Tensor, strip: Tensor) -> None:
    """The upper triangle of strip^T strip, by blocks: Cholesky reads no more, and it is half the work."""
    width = max(64, len(gram) // 8)
    for start in range(0, len(gram), width):
        stop = start + width
        gram[start:stop, start:].addmm_(strip[:, start:stop].T, strip[:, start:])


class Dual(Form):
    """d = J^T (J J^T + damping I)^-1 w: as many unknowns as rows, in one process."""

    def __init__(self, jacobian: Jacobian, dense: bool) -> None:
        super().__init__(jacobian)
        if dense:
            j = jacobian.dense()
            self.kernel = j @ j.T
        else:
            self.kernel = jacobian.kernel()
        self.known: tuple[float, Tensor] | None = None

    def solve(self, w: Tensor, damping: float) -> Tensor:
        if self.known is None or self.known[0] != damping:
            self.known = damping, self._factorise(damping)
        factor = self.known[1]
        v = torch.cholesky_solve(w[:, None], factor)[:, 0]
        # once more for what rounding left: J J^T is as badly conditioned as J^T J
        left = w - self.j.times(self.j.transposed(v)) - damping * v
        return self.j.transposed(v + torch.cholesky_solve(left[:, None], factor)[:, 0])

    def _factorise(self, damping: float) -> Tensor:
        shift = max(damping, SQUARES / 10 * float(self.kernel.trace()))
        while True:
            shifted = self.kernel.clone()
            shifted.diagonal().add_(shift)
            factor, info = torch.linalg.cholesky_ex(shifted)
            if int(info) == 0 or not shift < float("inf"):
                return factor
            shift *= 10


class Free(Form):
    """Conjugate gradients for least squares (CGLS), J through its products alone.

    Preconditioned by a Nystroem approximation U diag(h) U^T of J^T J from ``rank`` random directions, which serves
    every damping (Frangella, Tropp and Udell 2110.02820, algorithm 2.1 and equation 5.3): the spectra of
    physics-informed Jacobians fall fast, so that few directions carry almost all.

    Args:
        jacobian: J.
        iterations: the most that a solve takes.
        tolerance: of the gradient left, as a share of that at the start, in the preconditioner's norm.
        rank: random directions.
    """

    def __init__(self, jacobian: Jacobian, iterations: int, tolerance: float, rank: int) -> None:
        super().__init__(jacobian)
        self.iterations, self.tolerance = iterations, tolerance
        self.basis, self.heights = self._sketch(min(rank, jacobian.columns))

    def solve(self, w: Tensor, damping: float) -> Tensor:
        d = torch.zeros(self.j.columns, dtype=w.dtype, device=w.device)
        left, s = w, total(self.j.transposed(w))
        z = self._precondition(s, damping)
        p, size = z, float(s @ z)
        enough = self.tolerance**2 * size
        for _ in range(self.iterations):
            if not size > enough:
                break
            q = self.j.times(p)
            length = size / (float(total(q @ q)) + damping * float(p @ p))
            d = d + length * p
            left = left - length * q
            s = total(self.j.transposed(left)) - damping * d
            z = self._precondition(s, damping)
            before, size = size, float(s @ z)
            p = z + size / before * p
        return d

    def _sketch(self, rank: int) -> tuple[Tensor, Tensor]:
        """The basis U [parameters, rank] and the heights h [rank], falling."""
        like = self.j.target
        normal = torch.randn(self.j.columns, rank, generator=torch.Generator().manual_seed(0), dtype=like.dtype)
        directions = torch.linalg.qr(normal.to(like.device))[0]
        image = torch.stack([self.j.transposed(self.j.times(v)) for v in directions.T], 1)
        image = total(image)
        shift = torch.finfo(like.dtype).eps * float(image.norm()) + torch.finfo(like.dtype).tiny
        image = image + shift * directions  # so that rounding leaves the small matrix positive
        small = directions.T @ image
        factor = torch.linalg.cholesky((small + small.T) / 2)
        half = torch.linalg.solve_triangular(factor, image.T, upper=False).T
        basis, sizes, _ = torch.linalg.svd(half, full_matrices=False)
        return basis, (sizes.square() - shift).clamp_min(0)

    def _precondition(self, s: Tensor, damping: float) -> Tensor:
        share = (self.heights[-1] + damping) / (self.heights + damping)
        return s + self.basis @ ((share - 1) * (self.basis.T @ s))

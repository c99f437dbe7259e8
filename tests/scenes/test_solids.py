"""Analytic solids: distances against sampled surfaces, closed forms and boolean logic; boxes that fit."""

from collections.abc import Callable
from dataclasses import replace
from math import inf, nan, pi

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from scipy.spatial import cKDTree
from torch import Tensor

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.solids import (
    SOLIDS,
    Capsule,
    Cuboid,
    Cylinder,
    Difference,
    Ellipsoid,
    Gyroid,
    Intersection,
    Moved,
    Scaled,
    SmoothUnion,
    Solid,
    Sphere,
    Torus,
    Union,
    solid,
)

A, B = Sphere(0.7), Moved(Cuboid((0.5, 0.6, 0.4)), (0.4, 0.2, 0.1), (1.0, 2.0, -1.0), 50.0)

EXACT: dict[str, Solid] = {
    "sphere": Sphere(0.7),
    "box": Cuboid((0.9, 0.5, 0.7)),
    "rounded box": Cuboid((0.9, 0.5, 0.7), 0.2),
    "torus": Torus(0.7, 0.25),
    "capsule": Capsule((-0.3, 0.1, -0.2), (0.5, 0.4, 0.3), 0.3),
    "tapered": Capsule((-0.3, 0.1, -0.4), (0.4, 0.4, 0.5), 0.4, 0.1),
    "cylinder": Cylinder(0.5, 0.8),
    "rounded cylinder": Cylinder(0.5, 0.8, 0.2),
    "ellipsoid": Ellipsoid((0.9, 0.5, 0.3)),
    "moved": B,
    "scaled": Scaled(Moved(Torus(0.7, 0.3), (0.1, 0.2, 0.3), (1.0, 1.0, 0.0), 30.0), 0.8),
}
BOUNDS: dict[str, Solid] = {
    "gyroid": Gyroid(1.0, 1.0, 0.12),
    "union": Union((A, B)),
    "intersection": Intersection((A, B)),
    "difference": Difference(A, B),
    "smooth union": SmoothUnion((A, B, Capsule()), 0.3),
}
ALL = EXACT | BOUNDS | {f"built-in {name}": built_in for name, built_in in SOLIDS.items()}

each = pytest.mark.parametrize("s", list(ALL.values()), ids=list(ALL))
each_exact = pytest.mark.parametrize("s", list(EXACT.values()), ids=list(EXACT))


def around(s: Solid, n: int, g: torch.Generator, size: float = 1.5) -> Tensor:
    """Points spread over the bounding box, enlarged."""
    lower, upper = torch.tensor([s.lower, s.upper], dtype=torch.float64)
    return (lower + upper) / 2 + (upper - lower) / 2 * size * (2 * torch.rand(n, 3, generator=g).double() - 1)


def slope(s: Solid, p: Tensor) -> tuple[Tensor, Tensor]:
    """Distance [n, 1] and its gradient [n, 3]."""
    p = p.detach().requires_grad_()
    d = s.distance(p)
    return d.detach(), torch.autograd.grad(d.sum(), p)[0]


def surface(s: Solid, p: Tensor, steps: int = 12) -> Tensor:
    """Newton's steps from ``p`` along the gradient; those that arrive."""
    for _ in range(steps):
        d, slopes = slope(s, p)
        p = p - d * slopes / (slopes**2).sum(-1, keepdim=True).clamp(min=1e-6)
    return p[(s.distance(p).abs() < 1e-9)[:, 0]]


@each
def test_what_is_exact_says_so(s: Solid) -> None:
    assert s.exact == (s in EXACT.values() or type(s) in (Sphere, Cuboid, Torus, Capsule))


@each_exact
def test_exact_distances_are_those_to_the_nearest_of_many_surface_points(s: Solid, rng: torch.Generator) -> None:
    sample = surface(s, around(s, 20_000, rng, 1.2), steps=3)
    assert len(sample) > 15_000
    p = around(s, 300, rng)
    nearest = torch.from_numpy(cKDTree(sample.numpy()).query(p.numpy())[0])
    excess = nearest - s.distance(p)[:, 0].abs()
    assert excess.min() > -1e-9  # no point of the surface is nearer than the distance says
    assert excess.max() < 0.06 and excess.mean() < 0.005  # and there is one about there


@each_exact
def test_exact_distances_grow_at_unit_rate(s: Solid, rng: torch.Generator) -> None:
    _, slopes = slope(s, around(s, 500, rng))
    torch.testing.assert_close(slopes.norm(dim=-1), torch.ones(500, dtype=torch.float64), atol=1e-7, rtol=0)


@each
def test_distances_never_grow_faster(s: Solid, rng: torch.Generator) -> None:
    p, q = around(s, 2000, rng), around(s, 2000, rng)
    q[:1000] = p[:1000] + 0.02 * (q[:1000] - p[:1000])
    assert ((s.distance(p) - s.distance(q)).abs()[:, 0] <= (p - q).norm(dim=-1) + 1e-9).all()
    assert (slope(s, p)[1].norm(dim=-1) <= 1 + 1e-9).all()


@each
def test_the_box_holds_the_surface_and_outside_of_it_is_outside(s: Solid, rng: torch.Generator) -> None:
    lower, upper = torch.tensor([s.lower, s.upper], dtype=torch.float64)
    found = surface(s, around(s, 400, rng, 1.1))
    assert len(found) > 100
    assert (found >= lower - 1e-9).all() and (found <= upper + 1e-9).all()
    p = around(s, 1000, rng, 3.0)
    outside = ((p < lower) | (p > upper)).any(-1)
    assert (s.distance(p[outside]) > 0).all()


def gap(s: Solid, rng: torch.Generator) -> float:
    """How far the surface stays behind the worst face of its box: the least distance over each face."""
    lower, upper = torch.tensor([s.lower, s.upper], dtype=torch.float64)
    worst = 0.0
    for k in range(3):
        for end in (lower, upper):
            p = around(s, 3000, rng, 1.0)
            p[:, k] = end[k]
            for _ in range(6):  # ever closer about the best
                best = p[s.distance(p)[:, 0].argmin()]
                p = best + (p - best) * 0.3
                p = torch.maximum(torch.minimum(p, upper), lower)
                p[:, k] = end[k]
            worst = max(worst, float(s.distance(p).min()))
    return worst


@pytest.mark.parametrize("s", [*EXACT.values(), BOUNDS["union"], SOLIDS["gyroid"], SOLIDS["csg"], SOLIDS["figure"]])
def test_the_surface_touches_all_six_faces_of_its_box(s: Solid, rng: torch.Generator) -> None:
    assert gap(s, rng) < (2e-3 if s in BOUNDS.values() else 6e-3 if s is SOLIDS["figure"] else 1e-4)


def test_known_points_of_surfaces(rng: torch.Generator) -> None:
    u, v = 2 * pi * torch.rand(2, 200, generator=rng, dtype=torch.float64)
    unit = torch.stack([u.cos() * v.sin(), u.sin() * v.sin(), v.cos()], -1)
    ring = torch.stack([u.cos(), u.sin(), 0 * u], -1)
    z = unit.new_tensor([[0.0, 0.0, 1.0]])
    for s, points in [
        (Sphere(0.3), 0.3 * unit),
        (Ellipsoid((0.5, 0.2, 0.9)), unit * unit.new_tensor([0.5, 0.2, 0.9])),
        (Torus(0.8, 0.3), (0.8 + 0.3 * v.cos()[:, None]) * ring + 0.3 * v.sin()[:, None] * z),
        (Cylinder(0.4, 0.6), 0.4 * ring + 0.6 * v.cos()[:, None] * z),
        (Cylinder(0.4, 0.6), 0.4 * v.cos()[:, None] * ring - 0.6 * z),
        (Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.2), 0.2 * ring + v[:, None] / (2 * pi) * z),
        (Capsule((0.0, 0.0, 0.0), (0.0, 0.0, 1.0), 0.2, 0.1), z + 0.1 * unit * torch.sign(unit[:, 2:] - 0.1)),
        (Cuboid((0.4, 0.5, 0.6)), torch.stack([0 * u + 0.4, 0.5 * u.cos(), 0.6 * v.sin()], -1)),
        (Cuboid((0.4, 0.5, 0.6), 0.1), unit.new_tensor([[0.3, 0.4, 0.5]]) + 0.1 * unit.abs()),
    ]:
        kept = points[unit[:, 2].abs() > 0.2] if isinstance(s, Capsule) else points
        assert s.distance(kept).abs().max() < 1e-9, s


@pytest.mark.parametrize("half", [(0.9, 0.5, 0.3), (1.0, 1.0, 0.01), (0.02, 1.0, 0.03), (0.5, 0.5, 0.5)])
@pytest.mark.parametrize(
    "point", [(0.3, 0.2, 0.1), (0.2, 0.1, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 2.0), (3.0, -4.0, 5.0)]
)
def test_the_ellipsoid_against_a_general_minimiser(
    half: tuple[float, float, float], point: tuple[float, float, float]
) -> None:
    a, p = np.array(half), np.array(point)

    def apart(angles: np.ndarray) -> float:
        u, v = angles
        on = a * np.array([np.cos(u) * np.sin(v), np.sin(u) * np.sin(v), np.cos(v)])
        return float(np.sum((on - p) ** 2))

    starts = [(u, v) for u in np.arange(0.1, 6.3, 0.7) for v in (0.01, 0.4, 1.2, 1.5, 2.5)]
    poles = [(0.01, 1.56), (1.56, 1.56), (0.01, 0.01)]
    best = min(poles + sorted(starts, key=apart)[:3], key=lambda start: minimize(apart, start).fun)
    expected = np.sqrt(minimize(apart, best, tol=1e-14).fun) * np.sign(np.sum((p / a) ** 2) - 1)
    for dtype, atol in ((torch.float64, 3e-6), (torch.float32, 1e-5)):
        got = Ellipsoid(half).distance(torch.tensor([point], dtype=dtype))
        assert got.item() == pytest.approx(expected, abs=atol)


def second_derivatives(s: Solid, p: Tensor) -> Tensor:
    result = torch.autograd.functional.hessian(lambda q: s.distance(q[None])[0, 0], p)
    assert isinstance(result, Tensor)
    return result


def test_curvatures_of_the_ellipsoid_and_the_tapered_capsule(rng: torch.Generator) -> None:
    """Gradient and hessian against finite differences: the root must carry both to autograd."""
    for s in (Ellipsoid((0.9, 0.5, 0.3)), EXACT["tapered"], SOLIDS["figure"]):
        p = around(s, 12, rng, 1.6)
        if isinstance(s, Ellipsoid):
            p[:4, 1] = 0.0  # where the squares of its coordinates are flat
        p = p[(s.distance(p) > 0.1)[:, 0]]
        hessian = torch.stack([second_derivatives(s, q) for q in p])
        step = 1e-5 * torch.eye(3, dtype=p.dtype)
        differences = torch.stack([(slope(s, p + e)[1] - slope(s, p - e)[1]) / 2e-5 for e in step], 1)
        torch.testing.assert_close(hessian, differences, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("s", "logic"),
    [
        (BOUNDS["union"], lambda a, b: a | b),
        (BOUNDS["intersection"], lambda a, b: a & b),
        (BOUNDS["difference"], lambda a, b: a & ~b),
    ],
)
def test_signs_follow_boolean_logic(s: Solid, logic: Callable[[Tensor, Tensor], Tensor], rng: torch.Generator) -> None:
    p = around(Union((A, B)), 4000, rng)
    inside = logic(A.distance(p) < 0, B.distance(p) < 0)
    assert torch.equal(s.distance(p) < 0, inside) and 100 < inside.sum() < 3900


def test_the_textbook_csg_by_its_definition(rng: torch.Generator) -> None:
    p = around(SOLIDS["csg"], 4000, rng, 1.2)
    p = p[((p.abs() > 0.7).sum(-1) < 2)]  # away from the rounded edges
    x, y, z = p.unbind(-1)
    bored = torch.stack([x.hypot(y), y.hypot(z), z.hypot(x)]).amin(0) < 0.42
    expected = (p.abs().amax(-1) < 0.75) & (p.norm(dim=-1) < 1.02) & ~bored
    assert torch.equal(SOLIDS["csg"].distance(p)[:, 0] < 0, expected)


def test_the_smooth_union_by_its_formula(rng: torch.Generator) -> None:
    p = around(Union((A, B)), 2000, rng)
    a, b, d = A.distance(p), B.distance(p), SmoothUnion((A, B), 0.3).distance(p)
    apart = (a - b).abs() >= 0.3
    assert torch.equal(d[apart], torch.minimum(a, b)[apart])
    assert (d <= torch.minimum(a, b)).all() and (d >= torch.minimum(a, b) - 0.05).all()
    assert SmoothUnion((A, A), 0.3).distance(p).sub(a).add(0.05).abs().max() < 1e-12


@each
def test_motions_and_scales_carry_distance_and_box_along(s: Solid, rng: torch.Generator) -> None:
    p = around(s, 200, rng)
    moved = Scaled(Moved(s, (0.3, -0.2, 0.5), (0.0, 0.0, 2.0), 90.0), 3.0)
    x, y, z = p.unbind(-1)
    image = 3 * torch.stack([0.3 - y, -0.2 + x, 0.5 + z], -1)  # a quarter turn takes x to y and y to -x
    torch.testing.assert_close(moved.distance(image), 3 * s.distance(p))
    assert moved.exact == s.exact
    assert moved.lower == pytest.approx((3 * (0.3 - s.upper[1]), 3 * (s.lower[0] - 0.2), 3 * (s.lower[2] + 0.5)))


@each
def test_dtypes_follow_and_derivatives_are_finite_where_they_jump(s: Solid) -> None:
    line = torch.linspace(-1, 1, 5)
    p = torch.cartesian_prod(line, line, line).requires_grad_()  # the origin, axes, corners
    d = s.distance(p)
    (first,) = torch.autograd.grad(d.sum(), p, create_graph=True)
    (second,) = torch.autograd.grad(first.square().sum() + first.sum(), p, allow_unused=True, materialize_grads=True)
    assert d.shape == (125, 1) and d.dtype == torch.float32
    assert first.isfinite().all() and second.isfinite().all()
    assert s.distance(p.detach().double()).dtype == torch.float64
    torch.testing.assert_close(d.detach().double(), s.distance(p.detach().double()), atol=2e-6, rtol=1e-5)
    assert s.distance(p[:0].detach()).shape == (0, 1)


def test_the_figure_stands_on_the_ground_and_has_one_hole() -> None:
    from skimage.measure import marching_cubes

    figure = SOLIDS["figure"]
    assert figure.lower[2] == pytest.approx(0, abs=1e-9) and figure.upper[2] == pytest.approx(1, abs=0.05)
    low, high = np.array(figure.lower) - 0.03, np.array(figure.upper) + 0.03
    lines = [torch.linspace(a, b, int((b - a) / 0.018)) for a, b in zip(low, high, strict=True)]
    values = figure.distance(torch.cartesian_prod(*lines)).reshape([len(line) for line in lines])
    _, faces, *_ = marching_cubes(values.numpy(), 0.0)
    edges = np.unique(np.sort(np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])), axis=0)
    assert len(np.unique(faces)) - len(edges) + len(faces) == 0  # Euler's characteristic of one torus


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Sphere(0), "Sphere radius expected a number > 0, got 0"),
        (lambda: Sphere(nan), "finite"),
        (lambda: Sphere("big"), "finite number, got 'big'"),
        (lambda: Cuboid((1.0, -1.0, 1.0)), "Cuboid half expected numbers > 0"),
        (lambda: Cuboid((1.0, 1.0)), "three numbers"),
        (lambda: Cuboid(1.0), "three numbers"),
        (lambda: Cuboid((1.0, 1.0, inf)), "finite"),
        (lambda: Cuboid((1.0, 0.3, 1.0), 0.4), "from 0 to 0.3"),
        (lambda: Cuboid(rounding=-0.1), "from 0 to 1"),
        (lambda: Cylinder(-1.0), "> 0"),
        (lambda: Cylinder(1.0, 0.0), "> 0"),
        (lambda: Cylinder(1.0, 0.5, 0.6), "from 0 to 0.5"),
        (lambda: Torus(0.5, 0.5), "tube below its ring"),
        (lambda: Torus(-1.0, -2.0), "> 0"),
        (lambda: Capsule((0, 0, 0), (0, 0, 0)), "make it a Sphere"),
        (lambda: Capsule((0, 0, 0), (0, 0, 0.1), 0.5, 0.3), "make it a Sphere"),
        (lambda: Capsule(radius=0.0), "> 0"),
        (lambda: Capsule(tip=-0.1), "> 0"),
        (lambda: Capsule((0, nan, 0)), "finite"),
        (lambda: Ellipsoid((1.0, 0.0, 1.0)), "> 0"),
        (lambda: Gyroid(thickness=1.0), "thickness below 0.27"),
        (lambda: Gyroid(period=0.0), "> 0"),
        (lambda: Union((A,)), "at least 2 solids"),
        (lambda: Union([A, B]), "tuple"),
        (lambda: Union((A, 3)), "expected solids, got 3"),
        (lambda: SmoothUnion((A, B), 0.0), "> 0"),
        (lambda: Moved(A, (0, 0, nan)), "finite"),
        (lambda: Moved(A, axis=(0, 0, 0)), "> 0"),
        (lambda: Moved(A, angle=inf), "finite"),
        (lambda: Scaled(A, 0), "> 0"),
        (lambda: Scaled("A", 1), "expected solids"),
        (lambda: Intersection((A, Moved(A, (2.0, 0.0, 0.0)))), "overlap"),
        (lambda: Intersection((A, Moved(A, (0.85, 0.85, 0.85)))), "overlap"),  # the boxes do
        (lambda: Intersection((A, Difference(Sphere(2.0), Sphere(0.8)))), "overlap"),
        (lambda: Difference(A, Sphere(0.7)), "remove less"),
        (lambda: Difference(A, Cuboid()), "remove less"),
        (lambda: solid("gyriod"), "did you mean gyroid?"),
    ],
)
def test_mistakes(make: Callable[[], object], said: str) -> None:
    with pytest.raises(PinnsceneError) as mistake:
        make()
    assert said in str(mistake.value) and "\n" not in str(mistake.value)


def test_what_little_is_left_counts() -> None:
    s = Difference(Cuboid(), Cuboid((1.1, 1.1, 0.98)))
    assert s.upper[2] == 1
    assert replace(s, removed=Sphere(1.7)).distance(torch.ones(1, 3)) == 0


def test_built_in_solids_by_name() -> None:
    assert next(iter(SOLIDS)) == "figure"
    for name, s in SOLIDS.items():
        assert solid(name) is s
        assert 0.5 < max(b - a for a, b in zip(s.lower, s.upper, strict=True)) <= 2.1

"""Families: the same for the same seed, different for others, and always within the cube."""

import pytest
import torch

from pinnscene.errors import PinnsceneError
from pinnscene.scenes.csg import Moved, Scaled
from pinnscene.scenes.families import KINDS, family
from pinnscene.scenes.solids import Capsule, Cuboid, Solid, Torus


def core(member: Solid) -> Solid:
    assert isinstance(member, Scaled) and isinstance(member.solid, Moved)
    return member.solid.solid


def test_a_longer_family_begins_with_the_shorter_one() -> None:
    assert family(7, seed=3) == family(12, seed=3)[:7]


def test_families_of_different_seeds_have_nothing_in_common() -> None:
    assert len({*family(64, seed=0), *family(16, seed=1)}) == 80


def test_kinds_take_turns() -> None:
    assert [type(core(s)) for s in family(6, seed=0)] == [Cuboid, Torus, Capsule] * 2
    assert {type(core(s)) for s in family(4, 0, ("torus",))} == {Torus}


def test_all_lie_within_the_cube_and_fill_much_of_it(rng: torch.Generator) -> None:
    members = family(30, seed=5)
    for member in members:
        assert max(member.upper) <= 0.95 and min(member.lower) >= -0.95 and max(member.upper) >= 0.6
        assert member.exact
    wall = torch.rand(500, 3, generator=rng, dtype=torch.float64) * 2 - 1
    wall[torch.arange(500), torch.arange(500) % 3] = 1.0
    nearest = torch.cat([member.distance(side * wall) for member in members for side in (-1, 1)])
    assert nearest.min() > 0
    inside = torch.stack([(member.distance(wall * 0.5) < 0).double().mean() for member in members])
    assert inside.std() > 0.1  # not all alike


def test_rotations_vary() -> None:
    angles = torch.tensor(
        [s.solid.angle for s in family(30, 0) if isinstance(s, Scaled) and isinstance(s.solid, Moved)]
    )
    assert len(angles) == 30 and angles.abs().max() <= 30 and angles.min() < -5 and angles.max() > 5


@pytest.mark.parametrize(
    ("n", "kinds", "said"),
    [
        (0, ("box",), "at least 1"),
        (-3, ("box",), "at least 1"),
        (2, (), "list of kinds"),
        (2, "box", "list of kinds"),
        (2, ("boxx",), "did you mean box?"),
        (2, ("box", "kugel"), f"known: {', '.join(sorted(KINDS))}"),
    ],
)
def test_mistakes(n: int, kinds: tuple[str, ...], said: str) -> None:
    with pytest.raises(PinnsceneError) as mistake:
        family(n, 0, kinds)
    assert said in str(mistake.value) and "\n" not in str(mistake.value)

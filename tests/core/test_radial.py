"""The radial encoding against the same function written out."""

import pytest
import torch

from pinnscene import Box, FieldSpec, Problem, partials
from pinnscene.encodings import encodings
from pinnscene.errors import PinnsceneError
from pinnscene.seeds import generator
from pinnscene.views import FunctionField


class Ask(Problem):
    """Nothing: it is only to build fields from."""

    values, domain = ("u",), Box(x=(-2, 2), y=(-2, 2), t=(0, 1))

    def constraints(self) -> dict:
        return {}


def test_a_radial_field_is_a_function_of_the_distance_and_its_derivatives_agree() -> None:
    u = FieldSpec("siren", "radial", knobs={"width": 30, "depth": 1, "kept": 1}).build(Ask())
    u.redraw(torch.tensor([2.0, 2.0, 3.0]), generator(0, "features"))
    torch.nn.init.normal_(u.head.weight, generator=generator(1, "head"))
    p = Ask.domain.interior(50)(generator(0, "p"))
    turned = p.coords @ torch.tensor([[0.6, 0.8, 0], [-0.8, 0.6, 0], [0, 0, 1.0]], dtype=torch.float64)
    assert torch.allclose(u(p), u(turned)) and float(u(p).detach().std()) > 0.1
    names = ("", "x", "t", "xx", "xy", "tt", "xt")
    jets = partials(u, p, *names)
    nested = partials(FunctionField(lambda q: u(q.coords), u.axes), p, *names)
    for name, a, b in zip(names, jets, nested, strict=True):
        assert torch.allclose(a, b, atol=1e-9), name


def test_radial_needs_an_axis_to_turn() -> None:
    with pytest.raises(PinnsceneError, match="kept from 0 to 1"):
        encodings["radial"](2, kept=2)

"""How well members that were never trained on come back from a few of their points."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from pinnscene.batch import Points
from pinnscene.metrics import evaluate
from pinnscene.problems.familyfitting import given_cloud
from pinnscene.problems.familymethods import Method
from pinnscene.problems.familysampling import anywhere
from pinnscene.problems.familyshapes import Member
from pinnscene.problems.shapemetrics import iou
from pinnscene.seeds import generator
from pinnscene.views import Differentiable

SCORED = 20_000  # points of a member, anywhere in its domain


def reconstructions(method: Method, u: Any, members: Sequence[Member]) -> list[Differentiable]:
    """Each member from a cloud of its points alone, in its own units and negative inside."""
    clouds = [given_cloud(member, method.points, method.noise, k) for k, member in enumerate(members)]
    return [*method.reconstruct(u, clouds)]


def member_iou(u: Differentiable, member: Member, n: int = SCORED) -> float:
    """The intersection over union of a reconstruction in own units and its member, on ``n`` points of its domain."""
    q = anywhere(n, generator(0, "scored", member.name))
    p = torch.from_numpy(member.frame.outward(q))
    found = evaluate(u, Points(p, u.axes))[:, 0].numpy() < 0
    return iou(found, np.asarray(member.shape.inside(p.numpy())))


def scores(method: Method, u: Any, members: Sequence[Member], n: int = SCORED) -> list[float]:
    """The IoU of each member's reconstruction."""
    found = reconstructions(method, u, members)
    return [member_iou(v, member, n) for v, member in zip(found, members, strict=True)]

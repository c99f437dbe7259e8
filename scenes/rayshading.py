"""The light that comes along rays: materials under lamps and a sky, with soft shadows and one mirrored bounce.

Shadows and the nearness of other surfaces are taken from the lattice of distances, by cones: the share of a lamp's
disc that is seen is about that of the cone towards it which is free (Quilez, "Soft shadows in raymarched SDFs", in
the form that counts ways through solids too, so that the penumbra is whole). They depend on the place alone and are
smooth, without the grain of drawn samples: two cameras that see one place see the same shadow.

What a surface mirrors follows Schlick's Fresnel term and, for its roughness, the fit of Karis ("Physically based
shading on mobile", 2014) to the integral of the microfacet lobe. It is this part that depends on the view.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from pinnscene.scenes.raylights import Light
from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.rayscene import Scene
from pinnscene.scenes.raytrace import NOTHING, Hits, glance

OFF = 2e-3  # how far above a surface rays start, scene units
STEPS = 28  # of a cone towards a lamp
REACH = (0.02, 0.05, 0.1, 0.18, 0.3)  # distances from a surface at which its surroundings are felt, of the radius
CLEAR = 0.15  # roughness up to which other objects are seen in a surface
HAZE = 12.0  # radii of the scene after which the ground is lost in the haze, about


def radiance(scene: Scene, origins: Tensor, directions: Tensor, hits: Hits, bounce: bool = True) -> Tensor:
    """The light [n, 3], float32 and linear, along rays [n, 3] that meet ``hits``; 0 where they meet nothing."""
    seen = torch.zeros(len(hits.t), 3)
    if scene.sky.shown:
        away = (hits.item == NOTHING).nonzero()[:, 0]
        seen[away] = scene.sky.radiance(directions[away].float())
    mirrors = []
    for k in hits.item.unique().tolist():
        if k == NOTHING:
            continue
        rows = (hits.item == k).nonzero()[:, 0]
        d = directions[rows]
        light, mirror = _surface(scene, k, origins[rows] + hits.t[rows, None] * d, d.float())
        clear = bounce and mirror.roughness <= CLEAR
        seen[rows] = light if clear else light + mirror.share * mirror.around
        if clear:
            mirrors.append((rows, mirror))
    if mirrors:
        _mirrored(scene, seen, mirrors)
    ground = (hits.item == len(scene.items)).nonzero()[:, 0]
    if len(ground):
        seen[ground] = _hazy(scene, hits.t[ground].float(), directions[ground].float(), seen[ground])
    return seen


@dataclass(frozen=True, eq=False)
class Mirror:
    """What points of a surface mirror: rays [n, 3] to follow, the ``share`` [n, 3] of their light that comes back.

    ``around`` [n, 3] is about what they would find, for surfaces too rough to tell; ``roughness`` is theirs.
    """

    origins: Tensor
    directions: Tensor
    share: Tensor
    around: Tensor
    roughness: float


def _mirrored(scene: Scene, seen: Tensor, mirrors: list[tuple[Tensor, Mirror]]) -> None:
    """Add what clear mirrors show: other objects, lit but mirroring only the sky, and the sky."""
    o = torch.cat([mirror.origins for _, mirror in mirrors])
    d = torch.cat([mirror.directions for _, mirror in mirrors])
    hits = glance(scene, o, d)
    light = radiance(scene, o, d, hits, bounce=False)
    sky = torch.cat([scene.sky.radiance(mirror.directions, mirror.roughness) for _, mirror in mirrors])
    light = torch.where((hits.item == NOTHING)[:, None], sky, light)
    for (rows, mirror), part in zip(mirrors, light.split([len(rows) for rows, _ in mirrors]), strict=True):
        seen[rows] += mirror.share * part


def _hazy(scene: Scene, t: Tensor, d: Tensor, seen: Tensor) -> Tensor:
    """The ground goes over into the horizon, or into nothing where the sky is not shown."""
    clear = (-(t / (HAZE * scene.radius)).square()).exp()[:, None]
    level = torch.nn.functional.normalize(d * d.new_tensor((1.0, 1.0, 0.0)), dim=1)
    return torch.lerp(scene.sky.radiance(level), seen, clear)


def normals(scene: Scene, item: int, p: Tensor, directions: Tensor) -> Tensor:
    """Unit normals [n, 3] of an object at points [n, 3], turned towards the rays that meet it there."""
    if item == len(scene.items):
        return p.new_tensor((0.0, 0.0, 1.0)).expand_as(p)
    normal = scene.items[item].normal(p)
    return torch.where((normal * directions).sum(1, keepdim=True) > 0, -normal, normal)


def _surface(scene: Scene, item: int, p: Tensor, d: Tensor) -> tuple[Tensor, Mirror]:
    """The light [n, 3] from points [n, 3] of one object back along directions ``d``, and what it mirrors besides."""
    p = p.float()
    normal = normals(scene, item, p, d)
    material, base = _material(scene, item, p)
    start = p + OFF * normal
    openness = _openness(scene, start, normal)[:, None]
    diffuse = scene.sky.irradiance(normal) * openness
    mirrored = d - 2 * (d * normal).sum(1, keepdim=True) * normal
    glints = torch.zeros_like(diffuse)
    for lamp in scene.lights:
        free = _lit(scene, lamp, start, normal)[:, None]
        to, _, strength = lamp.towards(p)
        diffuse = diffuse + strength * (to * normal).sum(1, keepdim=True).clamp_min(0) * free
        glints = glints + lamp.lobe(p, mirrored, material.roughness) * free
    facing = -(d * normal).sum(1, keepdim=True).clamp(-1, 0)
    head_on = torch.lerp(torch.full_like(base, material.shine), base, material.metal)
    share = _reflectance(head_on, material.roughness, facing)
    matte = base * (1 - material.metal) * (1 - share.amax(1, keepdim=True))
    around = torch.lerp(diffuse * base, scene.sky.radiance(mirrored, material.roughness), openness)
    return matte * diffuse + share * glints, Mirror(start, mirrored, share, around, material.roughness)


def _material(scene: Scene, item: int, p: Tensor) -> tuple[Material, Tensor]:
    """What is at points [n, 3] of an object, and its base colour there."""
    if item < len(scene.items):
        return scene.items[item].material, scene.items[item].base(p)
    ground = scene.ground.material if scene.ground else Material()
    return ground, ground.base(p)


def _reflectance(head_on: Tensor, roughness: float, facing: Tensor) -> Tensor:
    """The share [n, 3] of light that is mirrored: head-on reflectance [n, 3], cosine to the view [n, 1] (Karis)."""
    x, y, z, w = (-1 * roughness + 1, -0.0275 * roughness + 0.0425, -0.572 * roughness + 1.04, 0.022 * roughness - 0.04)
    bent = torch.minimum(facing.new_tensor(x * x), (-9.28 * facing).exp2()) * x + y
    scale, bias = -1.04 * bent + z, 1.04 * bent + w
    dark = (head_on / 0.02).clamp_max(1)  # nothing shines that has no coat
    return (head_on * scale + bias.clamp_min(0) * dark).clamp(0, 1)


def _openness(scene: Scene, p: Tensor, normal: Tensor) -> Tensor:
    """How much [n] of the half space above points [n, 3] is free, from 0 to 1, by distances along the normal."""
    closed = torch.zeros_like(p[:, 0])
    total = 0.0
    for k, share in enumerate(REACH):
        h = share * scene.radius
        closed += (1 - scene.openness(p + h * normal) / h).clamp(0, 1) * 0.75**k
        total += 0.75**k
    return (1 - 1.15 * closed / total).clamp(0, 1)


def _lit(scene: Scene, lamp: Light, p: Tensor, normal: Tensor) -> Tensor:
    """The share [n] of a lamp that points [n, 3] see, by a cone towards it."""
    to, angle, _ = lamp.towards(p)
    seen = torch.zeros_like(p[:, 0])
    lit = (to * normal).sum(1) > 0
    if scene.ground is not None:
        lit &= to[:, 2] > 0  # the ground is before what hangs lower
    rows = lit.nonzero()[:, 0]
    o, d, width = p[rows], to[rows], angle[rows, 0]
    free, least = torch.ones_like(width), 0.5 * scene.lattice.cell
    t = torch.full_like(width, 2 * least)
    top = scene.lattice.upper[2]
    for _ in range(STEPS):
        at = torch.addcmul(o, t[:, None], d)
        away = scene.clearance(at)
        free = torch.minimum(free, away / (width * t))
        t = t + torch.maximum(away.clamp_max(0.4), (0.05 * t).clamp_min(least))
        going = (free > -1) & ~((at[:, 2] > top) & (d[:, 2] > 0))
        if int(going.sum()) < 0.8 * len(rows):
            seen[rows] = free
            rows, o, d, width, free, t = (x[going] for x in (rows, o, d, width, free, t))
        if not len(rows):
            break
    seen[rows] = free
    seen = seen.clamp(-1, 1)
    return torch.where(lit, 0.25 * (1 + seen).square() * (2 - seen), 0.0)

"""Scenes in TOML files that people write.

    [sky]                       # all of it may be left out
    zenith = "#bcd4ff"          # colours: "#rrggbb", a name such as "orange", or three numbers from 0 to 1
    shown = true                # else what is behind the objects is transparent

    [ground]                    # a plane; left out, there is none
    height = -0.5
    colour = "lightgrey"

    [[lights]]
    position = [3, -2, 4]       # or direction = [1, 0, 1] for a sun
    radius = 0.8                # large lamps have soft shadows; degrees for a sun
    strength = 2.5

    [[objects]]
    shape = "torus"             # ball, box, cylinder, torus, capsule, ellipsoid, gyroid; figure, csg, blend
    params = { ring = 0.6, tube = 0.2 }
    position = [0, 0, 0.2]
    rotation = [90, 0, 0]       # degrees, about x, then y, then z
    colour = "crimson"
    pattern = "stripes"         # plain, checker, stripes, rings, dots, marble, clouds
    other = "white"
    period = 0.2
    roughness = 0.2
    metal = 0.0

    [[objects]]
    mesh = "teapot.glb"         # beside the scene file or below it
    size = 1.2                  # its longest side; left out, it stays as large as it is

    [camera]
    fov = 40
    elevation = [8, 75]

Lengths are in the scene's units; z is up. A solid may have others taken away: ``remove = [{ shape = "ball" }]``.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, get_args

import torch
from matplotlib.colors import to_rgb
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pinnscene.errors import PinnsceneError, unknown
from pinnscene.render import tone
from pinnscene.scenes.raylights import Light, Sky
from pinnscene.scenes.raymaterials import Material
from pinnscene.scenes.rayplacing import Part, placed_mesh, placed_solid
from pinnscene.scenes.rayscene import Ground, Scene, Shoot
from pinnscene.scenes.solid import Vector

MOST = 1 << 20  # bytes of a scene file
MOST_OBJECTS = 1000


def _colour(value: Any) -> Vector:
    """Linear light of a colour as people write it."""
    numbers = isinstance(value, list | tuple)
    if numbers and not all(isinstance(x, int | float) and not isinstance(x, bool) for x in value):
        raise ValueError('expected a colour: "#rrggbb", a name, or three numbers from 0 to 1')
    try:
        shown = to_rgb(tuple(value) if numbers and len(value) == 3 else value if isinstance(value, str) else "?")
    except ValueError:
        raise ValueError('expected a colour: "#rrggbb", a name, or three numbers from 0 to 1') from None
    r, g, b = tone.decode(torch.tensor(shown, dtype=torch.float64)).tolist()
    return r, g, b


Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Triple = tuple[Number, Number, Number]
Colour = Annotated[Triple, BeforeValidator(_colour)]
PLAIN, SKY, LAMP, SHOOT = Material(), Sky(), Light((0.0, 0.0, 1.0)), Shoot()


class Table(BaseModel):
    """A table of a scene file: keys that it does not know raise."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class MaterialTable(Table):
    """The keys of ``Material``."""

    colour: Colour = PLAIN.colour
    other: Colour = PLAIN.other
    pattern: str = PLAIN.pattern
    period: Number = PLAIN.period
    roughness: Number = PLAIN.roughness
    metal: Number = PLAIN.metal
    shine: Number = PLAIN.shine

    def material(self) -> Material:
        """What the keys say."""
        return Material(**{name: getattr(self, name) for name in MaterialTable.model_fields})


class PartTable(Table):
    """A solid and where it is."""

    shape: str | None = None
    params: dict[str, Any] = {}
    position: Triple = (0.0, 0.0, 0.0)
    rotation: Triple = (0.0, 0.0, 0.0)
    scale: Number = 1.0

    def part(self) -> Part:
        """What the keys say."""
        return Part(self.shape or "", self.params, self.position, self.rotation, self.scale)


class ObjectTable(PartTable, MaterialTable):
    """An object: a solid, or a mesh out of a file."""

    mesh: str | None = None
    texture: str | None = None
    size: Number | None = None
    remove: tuple[PartTable, ...] = ()


class SkyTable(Table):
    """The keys of ``Sky``."""

    zenith: Colour = SKY.zenith
    horizon: Colour = SKY.horizon
    below: Colour = SKY.below
    strength: Number = SKY.strength
    shown: Annotated[bool, Field(strict=True)] = False


class LightTable(Table):
    """The keys of ``Light``."""

    position: Triple | None = None
    direction: Triple | None = None
    radius: Number = LAMP.radius
    colour: Colour = LAMP.colour
    strength: Number = LAMP.strength


class GroundTable(MaterialTable):
    """The keys of ``Ground`` and its material."""

    height: Number = 0.0


class CameraTable(Table):
    """The keys of ``Shoot``."""

    fov: Number = SHOOT.fov
    elevation: tuple[Number, Number] = SHOOT.elevation
    fill: Number = SHOOT.fill
    target: Triple | None = None


class SceneTable(Table):
    """A whole file."""

    title: str = ""
    objects: tuple[ObjectTable, ...] = ()
    lights: tuple[LightTable, ...] = ()
    sky: SkyTable = SkyTable()
    ground: GroundTable | None = None
    camera: CameraTable = CameraTable()


def load_scene(path: str | Path) -> Scene:
    """The scene of a TOML file.

    Raises:
        PinnsceneError: no such file, no TOML, unknown keys, values of a wrong kind or out of range, meshes and
            textures that are not there or lie outside the file's folder.
    """
    path = Path(path)
    if not path.is_file():
        raise PinnsceneError(f"there is no scene file {path}: check the path")
    if path.stat().st_size > MOST:
        raise PinnsceneError(f"{path} has more than {MOST >> 20} MiB: expected a scene in TOML")
    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as cause:
        raise PinnsceneError(f"{path} is no TOML: {' '.join(str(cause).split())}") from None
    except OSError as cause:
        raise PinnsceneError(f"cannot read {path}: {cause.strerror}") from None
    return make_scene(tree, path.stem, path.parent)


def make_scene(tree: Mapping[str, Any], name: str, folder: Path) -> Scene:
    """The scene that the tables of a file describe; meshes and textures are looked for in ``folder``."""
    try:
        table = SceneTable.model_validate(dict(tree))
    except ValidationError as cause:
        raise _explained(name, tree, cause) from None
    if len(table.objects) > MOST_OBJECTS:
        raise PinnsceneError(f"scene {name}: expected at most {MOST_OBJECTS} objects, got {len(table.objects)}")
    items = []
    for k, thing in enumerate(table.objects):
        items.append(_told(f"scene {name}: objects.{k}", lambda thing=thing: _item(thing, folder)))
    lights = []
    for k, lamp in enumerate(table.lights):
        lights.append(_told(f"scene {name}: lights.{k}", lambda lamp=lamp: Light(**dict(lamp))))
    sky = _told(f"scene {name}: sky", lambda: Sky(**dict(table.sky)))
    shoot = _told(f"scene {name}: camera", lambda: Shoot(**dict(table.camera)))
    given = table.ground
    ground = None
    if given is not None:
        ground = _told(f"scene {name}: ground", lambda: Ground(given.height, given.material()))
    return Scene(table.title or name, tuple(items), sky, tuple(lights), ground, shoot)


def _item(thing: ObjectTable, folder: Path) -> Any:
    if (thing.shape is None) == (thing.mesh is None):
        raise PinnsceneError("expected a shape or a mesh, got both or neither: give one of them")
    if thing.mesh is None:
        if thing.texture is not None or thing.size is not None:
            raise PinnsceneError("texture and size belong to a mesh, got them for a shape: leave them out, use scale")
        return placed_solid(thing.part(), [part.part() for part in thing.remove], thing.material())
    if thing.params or thing.remove:
        raise PinnsceneError("params and remove belong to a shape, got them for a mesh: leave them out")
    return placed_mesh(thing.part(), folder, thing.mesh, thing.texture, thing.size, thing.material())


def _told(where: str, make: Any) -> Any:
    """What ``make`` makes; its errors say where in the file they are."""
    try:
        return make()
    except PinnsceneError as cause:
        raise PinnsceneError(f"{where}: {cause}") from None


def _explained(name: str, tree: Mapping[str, Any], cause: ValidationError) -> PinnsceneError:
    """The first of pydantic's complaints in one line."""
    first = cause.errors(include_url=False)[0]
    where = ".".join(str(key) for key in first["loc"])
    if first["type"] == "extra_forbidden":
        *table, key = first["loc"]
        told = unknown(f"key of {'.'.join(str(k) for k in table) or 'a scene'}", str(key), _known(table))
        return PinnsceneError(f"scene {name}: {told}")
    got = " ".join(repr(first["input"]).split())[:80]
    told = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    told = told if told.startswith("expected") else f"expected {told[:1].lower()}{told[1:]}"
    return PinnsceneError(f"scene {name}: {where}: {told}, got {got}")


def _known(table: list[Any]) -> list[str]:
    """The keys of the table at a place of the file."""
    model: Any = SceneTable
    for key in table:
        if isinstance(key, str):
            model = next(a for a in _within(model.model_fields[key].annotation) if issubclass(a, BaseModel))
    return list(model.model_fields)


def _within(kind: Any) -> list[Any]:
    """The classes that an annotation is made of."""
    parts = get_args(kind)
    return [kind] if not parts and isinstance(kind, type) else [x for part in parts for x in _within(part)]

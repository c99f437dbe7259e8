"""Scenes of rays: PSNR on held-out views over time, frames, films and memory.

    python benchmarks/rays.py [PART ...] [--data FOLDER] [--device cuda]

Parts: scene, classic, frame, film, surface, memory, gpu, and with the folder of a Blender scene of 200 x 200: lego.
Without any, all that can run. The scene is a built-in one, its pictures rendered on the spot. Views that are scored
were never trained on.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, get_args

import numpy as np
from PIL import Image
from record import record

from pinnscene import trainer
from pinnscene.mesh import report
from pinnscene.mesh.bodies import bodies, without_crumbs
from pinnscene.operators import gradient
from pinnscene.problems.nerf_ray import NerfRay
from pinnscene.problems.raysurface import Geometry
from pinnscene.problems.raysurfacescores import surface_errors, surface_mesh
from pinnscene.radiance.solid import CRUMB
from pinnscene.rays.view import see
from pinnscene.scenes.rayscenes import find_scene
from pinnscene.seeds import generator

Row = dict[str, Any]
GIB = 2**30
SECONDS = 60.0  # that the default field, and every other at equal time, is given
MEMORY_STEPS = 30


def trained(name: str, problem: NerfRay, asked: float | None = None, **settings: Any) -> tuple[Row, Any]:
    """A solve with reading and scoring: seconds from the first picture read to the last step, and scores."""
    began = perf_counter()
    problem = NerfRay(**{k: getattr(problem, k) for k in problem.__dataclass_fields__})  # nothing is read yet
    solution = problem.solve(**settings)
    taken = perf_counter() - began
    row = {"what": name, "dB asked": asked, "seconds": taken, "steps": solution.steps,
           **problem.metrics(solution.field), "parameters": solution.parameters}  # fmt: skip
    return row, solution


def scene(device: str) -> list[Row]:
    """The built-in default scene at 128 x 128, default plan."""
    return [trained("default scene 128 x 128, default plan", NerfRay(), 30.0, device=device)[0]]


def lego(folder: Path, device: str) -> list[Row]:
    """A Blender scene at half and at full size, every eighth view held out."""
    half, full = NerfRay(data=str(folder), downscale=2), NerfRay(data=str(folder))
    return [
        trained(f"{folder.name} 100 x 100, default plan, 60 s asked", half, 30.0, device=device)[0],
        trained(f"{folder.name} 200 x 200, default plan, 300 s asked", full, 31.0, device=device)[0],
    ]


def classic(device: str, folder: Path | None = None, seconds: float = SECONDS) -> list[Row]:
    """Every kind of field for the same time, on pictures that the slowest of them can be scored on in a minute."""
    given = {"size": 40, "train": 20} if folder is None else {"data": str(folder), "downscale": 4}
    name = "default scene 40 x 40, 20 views" if folder is None else f"{folder.name} 50 x 50"
    rows = []
    for label, backbone, field in (
        ("grid", "grid", {}),
        ("hash", "hash", {}),
        ("classic NeRF, coarse and fine", "mlp", {}),
        ("simplified NeRF, one network, no directions", "mlp", {"seen": "none", "sampling": "even", "samples": 64}),
        ("fourier", "fourier", {}),
        ("siren", "siren", {}),
    ):
        row, _ = trained(f"{name}, {label}, {seconds:g} s", NerfRay(**given), backbone=backbone,
                         knobs={"field": field}, max_seconds=seconds, device=device)  # fmt: skip
        rows.append(row)
        print(row, flush=True)
    return rows


def frame(device: str) -> list[Row]:
    """A frame of 400 x 400 from the fast field."""
    problem = NerfRay()
    u = problem.solve(device=device).field
    camera = problem.posed.cameras[problem.posed.test[0]].scaled((400, 400))
    taken = []
    for _ in range(5):
        began = perf_counter()
        see(u, camera, problem.posed.near, problem.posed.far)
        taken.append(perf_counter() - began)
    return [{"what": "frame 400 x 400", "seconds asked": 2.0, "seconds": float(np.median(taken))}]


def film(device: str) -> list[Row]:
    """From nothing to a film: ``pinnscene render nerf-ray`` in an empty folder."""
    with tempfile.TemporaryDirectory() as empty:
        began = perf_counter()
        command = [sys.executable, "-m", "pinnscene", "render", "nerf-ray", "--json", "--device", device]
        done = subprocess.run(command, cwd=empty, check=True, capture_output=True, text=True)
        taken = perf_counter() - began
        files = [Path(f).name for f in json.loads(done.stdout)["files"]]
    return [{"what": "render nerf-ray, from nothing", "seconds asked": 120.0, "seconds": taken, "files": files}]


def surface(device: str) -> list[Row]:
    """Meshes of the default scene from pictures of 64 x 64, beside its true surface; shares of the box's diagonal."""
    rows = []
    for kind in get_args(Geometry):
        problem = NerfRay(size=64, geometry=kind)
        distances = kind != "density"
        row, solution = trained(f"default scene 64 x 64, {kind}", problem, 23.0 if distances else None, device=device)
        found = surface_mesh(solution.field, problem.domain)
        mesh, crumbs = without_crumbs(found, CRUMB)
        row |= {"accuracy asked": 0.01} if distances else {}
        row |= surface_errors(mesh, find_scene(problem.scene), problem.posed, problem.posed.train)
        row |= {"bodies": int(bodies(mesh).max()) + 1, "crumbs left out": crumbs, "genus": report(mesh).genus}
        distance = solution.field.distance()
        if distance is not None:
            row |= {"seconds asked": 180.0, "eikonal asked": 0.1}
            p = problem.domain.interior(8192)(generator(0, "surface")).to(distance.device, distance.dtype)
            row["eikonal"] = float((gradient(distance, p).norm(dim=1) - 1).abs().mean().detach())
        rows.append(row)
        print(row, flush=True)
    return rows


def memory(device: str) -> list[Row]:
    """What training on 100 views of 800 x 800 takes beyond the program and the model."""
    del device
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        _write_large(folder)
        # the program with torch, the model and a solve on small pictures; and then the same with the large ones
        small, large = (_peak(folder, downscale) for downscale in (16, 1))
    name = f"100 views of 800 x 800, {MEMORY_STEPS} steps of the default plan: peak beyond that of 50 x 50"
    return [{"what": name, "GiB asked": 2.0, "GiB": (large - small) / GIB,
             "peak of the whole process, GiB": large / GIB}]  # fmt: skip


def _write_large(folder: Path) -> None:
    """A Blender scene of 100 pictures of 800 x 800: those of the built-in scene, enlarged."""
    posed = NerfRay(size=100, train=100).posed
    frames = []
    for k in posed.train:
        Image.fromarray(posed.read(k)).resize((800, 800), Image.Resampling.BICUBIC).save(folder / f"{k}.png")
        frames.append({"file_path": f"{k}", "transform_matrix": posed.cameras[k].matrix.tolist()})
    angle = 2 * np.arctan(posed.cameras[0].size[0] / 2 / posed.cameras[0].focal[0])
    text = json.dumps({"camera_angle_x": float(angle), "frames": frames})
    (folder / "transforms_train.json").write_text(text)


def _peak(folder: Path, downscale: int) -> int:
    """The largest resident memory of a process that trains the field for pictures of 800 x 800, bytes."""
    code = (
        "import resource\nfrom pinnscene.problems.nerf_ray import NerfRay\n"
        "from pinnscene.problems.rayfields import GRIDS\n"
        f"problem = NerfRay(data={str(folder)!r}, downscale={downscale})\n"
        f"problem.solve(steps={MEMORY_STEPS}, knobs={{'field': GRIDS[-1][1]}})\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return int(done.stdout.split()[-1]) * (1024 if sys.platform != "darwin" else 1)


def gpu(device: str, folder: Path | None = None) -> list[Row]:
    """Rays a second, and PSNR after 30 s and 5 minutes."""
    given = {} if folder is None else {"data": str(folder)}
    rows = []
    for seconds in (30.0, 300.0):
        problem = NerfRay(n=16_384, **given)
        row, _ = trained(f"{device}, {seconds:g} s", problem, device=device, steps=1_000_000, max_seconds=seconds)
        rows.append({**row, "rays a second": row["steps"] * problem.n / row["seconds"]})
    return rows


def main() -> None:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"scene": scene, "classic": classic, "frame": frame, "film": film, "surface": surface, "memory": memory}
    parser.add_argument("parts", nargs="*", choices=[*parts, "lego", "gpu", []])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that each field of classic is given")
    parser.add_argument(
        "--busy", action="store_true", help="count this process's processor time, on a machine that has other work"
    )
    given = parser.parse_args()
    if given.busy:
        trainer.perf_counter = globals()["perf_counter"] = process_time
    names = given.parts or [*parts, *(["lego"] if given.data else []), *(["gpu"] if given.device != "cpu" else [])]
    for name in names:
        if name == "lego":
            rows = lego(given.data, given.device)
        elif name == "classic":
            rows = classic(given.device, given.data, given.seconds)
        elif name == "gpu":
            rows = gpu(given.device, given.data)
        else:
            rows = parts[name](given.device)
        rows = [{**row, "clock": "processor time, one of several programs"} for row in rows] if given.busy else rows
        record(f"rays_{name}" if given.device == "cpu" else f"rays_{name}_{given.device}", rows)


if __name__ == "__main__":
    main()

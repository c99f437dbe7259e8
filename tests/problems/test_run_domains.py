"""A solved distance as a domain: where the scan is, and the same for as long as the run is."""

from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh

from pinnscene import PinnsceneError
from pinnscene.cli import main
from pinnscene.config import fingerprint
from pinnscene.exporting import ExportRequest
from pinnscene.geometry import implicit
from pinnscene.options import build_problem
from pinnscene.problems.eikonal_sdf import EikonalSdf
from pinnscene.problems.poissonregion import PoissonRegion
from pinnscene.problems.regiontext import read_region
from pinnscene.run import Run
from pinnscene.seeds import generator
from pinnscene.solve import reopen

FAR = np.array([3000.0, -2000.0, 0.0])
TINY = {"levels": 2, "coarsest": 4, "finest": 8, "width": 16}


def scanned(folder: Path, at: np.ndarray) -> Path:
    """The run of a ball of radius 1 about a place, learnt in a second or two."""
    body = trimesh.creation.icosphere(3)
    body.apply_translation(at)
    body.export(folder / "ball.ply")
    problem = EikonalSdf(data=str(folder / "ball.ply"), pool=3000, n=500, slopes=250)
    knobs = {"field": TINY, "adam": {"lr": 1e-2, "warmup": 10, "steps": 150}}
    problem.solve(out=folder / "scan", device="cpu", knobs=knobs)
    return folder / "scan"


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs of a ball about the origin and of one far away."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(EikonalSdf, "metrics", lambda self, u: {})
        patch.setattr(EikonalSdf, "figures", lambda self, u, folder: [])
        places = {"near": np.zeros(3), "far": FAR}
        return {name: scanned(tmp_path_factory.mktemp(name), at) for name, at in places.items()}


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(implicit, "CELLS", {2: 64, 3: 24})


@pytest.mark.parametrize(("name", "at"), [("near", np.zeros(3)), ("far", FAR)])
def test_a_scan_is_a_domain_in_its_place(scans: dict[str, Path], name: str, at: np.ndarray, tmp_path: Path) -> None:
    region = read_region(str(scans[name]))
    assert region.parts == ("surface",)
    p = region.interior(400, "sobol")(generator(0))
    np.testing.assert_allclose(p.coords.mean(0), at, atol=0.15)
    assert float((p.coords - torch.as_tensor(at)).norm(dim=1).max()) < 1.1
    wall = region.boundary(300, points="sobol")(generator(0))
    out = (wall.coords - torch.as_tensor(at)) / (wall.coords - torch.as_tensor(at)).norm(dim=1, keepdim=True)
    assert wall.normal is not None and float((out * wall.normal).sum(1).min()) > 0.9
    assert float(region.distance(wall).abs().max()) < 1e-6
    assert region.measure() == pytest.approx(4 * np.pi, rel=0.1)
    # where export writes the surface of that run
    problem, field = opened(scans[name])
    mesh = trimesh.load_mesh(problem.export(field, ExportRequest(tmp_path / "ball.ply", 24)).files[0])
    np.testing.assert_allclose(mesh.bounds[0], np.array(region.lower), atol=0.05)
    np.testing.assert_allclose(mesh.bounds[1], np.array(region.upper), atol=0.05)


def opened(path: Path):
    from pinnscene.solve import load_state
    from pinnscene.trainer import join

    run = Run.open(path)
    problem, config = reopen(run)
    return problem, join(problem, load_state(run, problem, config).fields)


def test_an_equation_is_solved_far_from_the_origin(scans: dict[str, Path]) -> None:
    """U = x - x0 inside the scan, from its values on the surface."""
    problem = PoissonRegion(domain=str(scans["far"]), exact=lambda p: p["x"] - FAR[0], n=200)
    u = problem.solve(device="cpu", knobs={"field": {"width": 100}, "head": {"scale": 1.0}}).field
    p = problem.domain.interior(200)(generator(0))
    error = (u(p) - (p["x"] - FAR[0])).detach()
    assert float(error.abs().max()) < 1e-2


def solve(*arguments: str) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["solve", *arguments])
    return int(str(stop.value.code or 0))


def test_a_run_that_used_another_is_told_when_that_one_changes(
    scans: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import shutil

    monkeypatch.chdir(tmp_path)
    shutil.copytree(scans["near"], tmp_path / "scan")
    monkeypatch.setattr(PoissonRegion, "figures", lambda self, u, folder: [])
    monkeypatch.setattr(PoissonRegion, "metrics", lambda self, u: {})
    small = ["--set", "n=100", "--set", "field.width=30", "--set", "head.scale=1"]
    assert solve("poisson-region", "--set", "domain=scan", "--set", "exact=harmonic", *small, "--out", "run", "-q") == 0
    record = Run.open("run").config.data["domain"]
    assert record == fingerprint(tmp_path / "scan") and record["files"] >= 3
    (tmp_path / "scan" / "renders").mkdir()
    (tmp_path / "scan" / "renders" / "view.png").write_bytes(b"a picture changes nothing")
    reopen(Run.open("run"))
    (tmp_path / "scan").rename(tmp_path / "moved")
    with pytest.raises(PinnsceneError, match="scan is gone"):
        reopen(Run.open("run"))
    problem, _ = reopen(Run.open("run"), {"domain": str(tmp_path / "moved")})
    assert problem.domain.text == str(tmp_path / "moved")
    (weights,) = sorted((tmp_path / "moved" / "checkpoints").glob("*/state.safetensors"))[-1:]
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    with pytest.raises(PinnsceneError, match="SHA-256 differs"):
        reopen(Run.open("run"), {"domain": str(tmp_path / "moved")})
    del capsys


def test_a_scan_whose_data_is_gone_is_told(scans: dict[str, Path], tmp_path: Path) -> None:
    import shutil

    shutil.copytree(scans["near"], tmp_path / "scan")
    config = tmp_path / "scan" / "config.toml"
    config.write_text(config.read_text().replace("ball.ply", "gone.ply"))
    with pytest.raises(PinnsceneError, match=r"cannot be the domain as long as .*gone\.ply is gone"):
        build_problem(PoissonRegion, {"domain": str(tmp_path / "scan")})

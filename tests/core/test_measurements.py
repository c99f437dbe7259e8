"""Data points: from arrays and files with named columns; what cannot be read says why."""

import numpy as np
import pytest
import torch

from pinnscene import Agree, Box, Constraint, FieldSpec, PinnsceneError
from pinnscene.measurements import measurements
from pinnscene.plan import make_plan
from pinnscene.seeds import generator
from pinnscene.trainer import train

BOX = Box(x=(0.0, 1.0), t=(0.0, 1.0))
AXES, VALUES = ("x", "t"), ("u", "v")


def columns(n=50):
    x, t = np.linspace(0, 1, n), np.linspace(0, 1, n)[::-1] ** 2
    return {"x": x, "t": t, "v": x - 2 * t}


def write(folder, kind, given=None):
    given, path = given or columns(), folder / f"data.{kind}"
    if kind == "csv":
        rows = [",".join(given), *(",".join(map(repr, map(float, row))) for row in zip(*given.values(), strict=True))]
        path.write_text("\n".join(rows) + "\n")
    elif kind == "npz":
        np.savez(path, **given, other=np.zeros(3))
    else:
        kinds = [(name, "f8") for name in given]
        np.save(path, np.array(list(zip(*given.values(), strict=True)), dtype=kinds))
    return path


@pytest.mark.parametrize("kind", ["arrays", "csv", "npz", "npy"])
def test_every_source_gives_the_same_rows(tmp_path, kind):
    source = columns() if kind == "arrays" else write(tmp_path, kind)
    batch = measurements(source, AXES, VALUES, share=0.0)(generator(0))
    order = batch["x"][:, 0].argsort()
    assert batch.axes == AXES
    assert batch.outputs == ("v",)
    assert torch.allclose(batch["t"][order, 0], torch.tensor(columns()["t"].copy()))
    assert torch.allclose(batch.measured, batch["x"] - 2 * batch["t"])


def test_a_plain_array_has_its_columns_in_order(tmp_path):
    np.save(tmp_path / "plain.npy", np.array([[0.1, 0.2, 1.0, 2.0], [0.3, 0.4, 3.0, 4.0]]))
    batch = measurements(tmp_path / "plain.npy", AXES, VALUES, share=0.0)(generator(0))
    assert sorted(batch.measured.tolist()) == [[1, 2], [3, 4]]
    assert batch.outputs == VALUES


def test_some_rows_are_never_trained_on():
    sampler = measurements(columns(), AXES, VALUES, n=20, share=0.2)
    unseen = set(sampler.heldout(generator(0))["x"][:, 0].tolist())
    assert len(unseen) == 10
    seen = {x for step in range(50) for x in sampler(generator(step))["x"][:, 0].tolist()}
    assert not seen & unseen
    assert len(seen) == 40
    few = measurements({k: v[:5] for k, v in columns().items()}, AXES, VALUES)
    assert len(few.heldout(generator(0))) == len(few(generator(0))) == 5


def test_a_field_is_fitted_to_them(toy):
    sampler = measurements(columns(200), AXES, VALUES)
    fit = {"data": Constraint(sampler, Agree()), "other": Constraint(BOX.interior(50), lambda u, p: u(p)[:, :1])}
    spec = FieldSpec("siren", knobs={"width": 40, "depth": 1})
    u = train(toy(BOX, fit, VALUES), spec, make_plan("head", {"head": {"scale": 1.5}}), device="cpu").field
    p = sampler.heldout(generator(0))
    with torch.no_grad():
        assert torch.allclose(u(p)[:, 1:], p.measured, atol=1e-4)


BAD = {
    "missing axis": (
        {"x": [1.0], "u": [1.0]},
        "a column for each of x, t and one at least for u or v, got x, u",
    ),
    "missing value": ({"x": [1.0], "t": [1.0]}, "one at least for u or v, got x, t"),
    "lengths": ({"x": [1.0, 2.0], "t": [1.0], "u": [1.0]}, "columns of one length"),
    "empty": ({"x": [], "t": [], "u": []}, "at least 1"),
    "nan": ({"x": [1.0, float("nan")], "t": [1.0, 1.0], "u": [1.0, 1.0]}, "column x is not finite in row 2"),
    "text": ({"x": ["a"], "t": [1.0], "u": [1.0]}, "column x is not all numbers"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_columns_are_told(case):
    given, said = BAD[case]
    with pytest.raises(PinnsceneError, match=said):
        measurements(given, AXES, VALUES)


FILES = {
    "gone.csv": (None, "cannot read .*gone.csv: No such file"),
    "data.txt": (b"x,t,u\n", "come as .csv, .npz or .npy, not as '.txt'"),
    "empty.csv": (b"", "is empty: its first line names the columns"),
    "short.csv": (b"x,t,u\n1,2,3\n1,2\n", "line 3 expected 3 numbers, got 2"),
    "words.csv": (b"x,t,u\n1,2,three\n", "line 2 expected numbers, got 1,2,three"),
    "binary.csv": (b"\xff\xfe\x00\x01", "cannot read .*binary.csv"),
    "broken.npz": (b"PK\x03\x04 not a zip", "cannot read .*broken.npz"),
    "broken.npy": (b"no array", "broken.npy: it is no .npy file"),
    "head.csv": (b"x,t,u\n", "at least 1"),
    "twice.csv": (b"x,t,u,u\n1,2,3,4\n", "the column u is there 2 times"),
}


@pytest.mark.parametrize("name", FILES)
def test_bad_files_are_told_in_one_line(tmp_path, name):
    content, said = FILES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(PinnsceneError, match=said) as caught:
        measurements(tmp_path / name, AXES, VALUES)
    assert "\n" not in str(caught.value)


def test_a_wrong_width_and_objects_are_told(tmp_path):
    np.save(tmp_path / "wide.npy", np.zeros((3, 7)))
    with pytest.raises(PinnsceneError, match=r"expected \[n, 4\] \(x, t, u, v\), got \[3, 7\]"):
        measurements(tmp_path / "wide.npy", AXES, VALUES)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(PinnsceneError, match=r"cannot read .*objects\.npy"):
        measurements(tmp_path / "objects.npy", AXES, VALUES)
    for bad in ({"share": 1.0}, {"n": -1}):
        with pytest.raises(PinnsceneError):
            measurements(columns(), AXES, VALUES, **bad)

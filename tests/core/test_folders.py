"""Data folders: one fingerprint for what a folder holds, and a clear line when it is another or gone."""

import os
from pathlib import Path

import pytest

from pinnscene import PinnsceneError
from pinnscene.config import fingerprint
from pinnscene.solve import _check_data

FILES = {"b.ply": b"second", "a.ply": b"first", "more/c.ply": b"", ".DS_Store": b"clutter"}


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def test_a_folder_is_told_by_names_and_contents_alone(tmp_path: Path) -> None:
    first = folder_of(tmp_path / "one", FILES)
    known = fingerprint(first)
    assert known["size"] == 11 and known["files"] == 3 and known["path"] == str(first.resolve())
    again = folder_of(tmp_path / "two", dict(reversed(FILES.items())) | {".hidden": b"x", ".git/config": b"y"})
    os.utime(again / "a.ply", (0, 0))
    assert fingerprint(again)["sha256"] == known["sha256"]


@pytest.mark.parametrize(
    "changed",
    [
        FILES | {"a.ply": b"fIrst"},  # of the same size
        FILES | {"a.ply": b"second", "b.ply": b"first"},  # contents swapped
        FILES | {"a.ply": b"firsts", "b.ply": b"econd"},  # a letter from one file to the next
        {("d.ply" if name == "b.ply" else name): content for name, content in FILES.items()},  # renamed
        FILES | {"empty.ply": b""},
        {name: content for name, content in FILES.items() if name != "more/c.ply"},
    ],
)
def test_another_folder_is_told(tmp_path: Path, changed: dict[str, bytes]) -> None:
    record = fingerprint(folder_of(tmp_path / "one", FILES))
    other = folder_of(tmp_path / "two", changed)
    _check_data("data", tmp_path / "one", record)
    assert fingerprint(other)["sha256"] != record["sha256"]
    with pytest.raises(PinnsceneError, match="two is not the folder of this run") as told:
        _check_data("data", other, record)
    assert "\n" not in str(told.value)


def test_what_is_gone_or_of_another_kind_is_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "one", FILES)
    of_folder, of_file = fingerprint(folder), fingerprint(folder / "a.ply")
    cases = [
        (tmp_path / "gone", of_folder, "the data folder .*gone is gone: .*--data PATH"),
        (tmp_path / "gone.ply", of_file, "the data file .*gone.ply is gone"),
        (folder / "a.ply", of_folder, "a.ply is no folder"),
        (folder, of_file, "one is no file"),
        (folder / "b.ply", of_file, r"b.ply is not the file of this run \(its SHA-256 differs\)"),
    ]
    for path, record, said in cases:
        with pytest.raises(PinnsceneError, match=said):
            _check_data("data", path, record)
    _check_data("data", folder / "a.ply", of_file)


def test_a_file_has_the_fingerprint_it_had(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    known = fingerprint(tmp_path / "a")
    assert known["sha256"] == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-2, B.1
    assert set(known) == {"path", "size", "sha256"} and known["size"] == 3

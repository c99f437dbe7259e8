"""Memory that is free: from the system's own account, and what is said where there is none."""

import os
from pathlib import Path

import pytest

from pinnscene import memory
from pinnscene.memory import free_memory


def test_the_free_part_counts_where_the_system_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = tmp_path / "meminfo"
    account.write_text("MemTotal:  8000 kB\nMemFree:  100 kB\nMemAvailable:  3000 kB\n")
    monkeypatch.setattr(memory, "MEMINFO", account)
    assert free_memory() == 3000 * 1024


@pytest.mark.parametrize("account", [None, "MemTotal:  8000 kB\n", "MemAvailable: some\n", "MemAvailable:"])
def test_else_all_of_it_and_without_any_account_no_bound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, account: str | None
) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    if account is not None:
        memory.MEMINFO.write_text(account)
    monkeypatch.setattr(os, "sysconf", {"SC_PHYS_PAGES": 1000, "SC_PAGE_SIZE": 4096}.__getitem__)
    assert free_memory() == 4_096_000
    monkeypatch.delattr(os, "sysconf")
    assert free_memory() == float("inf")


def test_this_machine_has_some() -> None:
    assert free_memory() > 1 << 20

# SPDX-License-Identifier: Apache-2.0
"""The default number of threads, on made-up systems."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pynq_driver.processors import MAXIMUM_THREADS, default_threads

NODES = "sys/devices/system/node"
GROUPS = "sys/fs/cgroup"


def make_system(
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    usable: range | Sequence[int],
    nodes: Sequence[str] = (),
    siblings: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
) -> Path:
    """Files of a kernel that has these processors; `siblings` are the cores."""
    contents = dict(files or {})
    for number, processors in enumerate(nodes):
        contents[f"{NODES}/node{number}/cpulist"] = processors
    for core in siblings:
        for processor in core.split(","):
            topology = f"sys/devices/system/cpu/cpu{processor}/topology"
            contents[f"{topology}/thread_siblings_list"] = core
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content + "\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(usable), raising=False)
    return root


def test_no_information_but_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_threads(make_system(tmp_path, monkeypatch, usable=[1, 5, 6])) == 3


def test_systems_without_affinity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    assert default_threads(tmp_path) == 5


def test_threads_of_a_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = make_system(
        tmp_path,
        monkeypatch,
        usable=range(8),
        nodes=["0-7"],
        siblings=["0,4", "1,5", "2,6", "3,7"],
    )
    assert default_threads(system) == 4


def test_the_node_with_most_usable_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    system = make_system(
        tmp_path, monkeypatch, usable=[0, 1, 8, 9, 10, 17], nodes=["0-7,16", "8-15,17", ""]
    )
    assert default_threads(system) == 4


def test_more_processors_than_the_engine_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert default_threads(make_system(tmp_path, monkeypatch, usable=range(200))) == MAXIMUM_THREADS


@pytest.mark.parametrize(
    ("quota", "threads"), [("max 100000", 16), ("150000 100000", 2), ("10000 100000", 1)]
)
def test_quota_of_the_control_group(
    quota: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/self/cgroup": "0::/one/two", f"{GROUPS}/one/two/cpu.max": quota}
    system = make_system(tmp_path, monkeypatch, usable=range(16), files=files)
    assert default_threads(system) == threads


def test_quota_of_a_group_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "proc/self/cgroup": "0::/one/two",
        f"{GROUPS}/one/two/cpu.max": "800000 100000",
        f"{GROUPS}/one/cpu.max": "300000 100000",
    }
    system = make_system(tmp_path, monkeypatch, usable=range(16), files=files)
    assert default_threads(system) == 3


def test_a_container_that_sees_the_path_of_its_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"proc/self/cgroup": "0::/host/pod", f"{GROUPS}/cpu.max": "200000 100000"}
    system = make_system(tmp_path, monkeypatch, usable=range(16), files=files)
    assert default_threads(system) == 2


@pytest.mark.parametrize(("quota", "threads"), [("-1", 16), ("250000", 3)])
def test_quota_of_version_1(
    quota: str, threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "proc/self/cgroup": "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n1:name=systemd:/docker/x",
        f"{GROUPS}/cpu,cpuacct/cpu.cfs_quota_us": quota,
        f"{GROUPS}/cpu,cpuacct/cpu.cfs_period_us": "100000",
    }
    system = make_system(tmp_path, monkeypatch, usable=range(16), files=files)
    assert default_threads(system) == threads


def test_this_machine() -> None:
    assert 1 <= default_threads() <= MAXIMUM_THREADS

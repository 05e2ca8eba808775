# SPDX-License-Identifier: Apache-2.0
"""How many threads the CPU engine takes unless told: what the system allows and memory rewards.

Decoding reads all weights for every token, so it is bound by memory. A second thread of the same
core adds hardly any reads, and cores of another NUMA node wait for memory of this one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from pathlib import Path

MAXIMUM_THREADS = 64


def default_threads(root: Path = Path("/")) -> int:
    """Cores of one NUMA node that affinity and the control group's quota allow, at least 1.

    Args:
        root: where `proc` and `sys` are.
    """
    usable = _usable_processors()
    return max(1, min(_cores_of_one_node(root, usable), _quota(root), MAXIMUM_THREADS))


def _usable_processors() -> Set[int]:
    """Processors that this process may run on."""
    try:
        return os.sched_getaffinity(0)
    except AttributeError:  # not Linux
        return frozenset(range(os.cpu_count() or 1))


def _text(path: Path) -> str:
    """Content of a file of the kernel; empty where it is missing or not readable."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _processors(ranges: str) -> frozenset[int]:
    """Numbers of a list like 0-3,8."""
    found: set[int] = set()
    for item in filter(None, ranges.split(",")):
        first, _, last = item.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _cores_of_one_node(root: Path, usable: Set[int]) -> int:
    """Cores with at least one usable processor, on the NUMA node that has most of them."""
    system = root / "sys/devices/system"
    nodes: list[Set[int]] = [
        _processors(_text(node / "cpulist")) & usable for node in system.glob("node/node[0-9]*")
    ]

    def core(processor: int) -> str:
        siblings = system / f"cpu/cpu{processor}/topology/thread_siblings_list"
        return _text(siblings) or str(processor)

    return max(len({core(processor) for processor in node}) for node in nodes or [usable])


def _quotas(root: Path) -> Iterator[tuple[int, int]]:
    """Microseconds of processor time and of the period they are for, by control group."""
    groups = root / "sys/fs/cgroup"
    names: tuple[str, ...]
    for line in _text(root / "proc/self/cgroup").splitlines():
        _, controllers, own = line.split(":", 2)
        if not controllers:  # version 2
            base, names = groups, ("cpu.max",)
        elif "cpu" in controllers.split(","):
            base, names = groups / controllers, ("cpu.cfs_quota_us", "cpu.cfs_period_us")
        else:
            continue
        folder = base / own.lstrip("/")
        # In a container the path may be that of the host, but its root is the own group.
        for group in (folder, *folder.parents):
            values = " ".join(_text(group / name) for name in names).split()
            if len(values) == 2 and values[0] not in ("max", "-1"):
                yield int(values[0]), int(values[1])
            if group == base:
                break


def _quota(root: Path) -> int:
    """Processors that the smallest quota is worth, rounded up."""
    return min((-(-time // period) for time, period in _quotas(root)), default=MAXIMUM_THREADS)

# SPDX-License-Identifier: Apache-2.0
"""Starting processes with the `mpirun` of the environment that this Python belongs to."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence
from pathlib import Path

#: Several processes on one processor, and a test that runs as root in a container.
_ENVIRONMENT = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


def mpirun() -> Path:
    """The launcher of the extra `mpi`; it may not be there."""
    return Path(sysconfig.get_path("scripts")) / "mpirun"


def run_ranks(
    count: int, command: Sequence[str], timeout: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command in so many processes.

    Args:
        timeout: seconds after which they are ended and this fails.
    """
    return subprocess.run(
        [str(mpirun()), "-n", str(count), *command],
        env={**os.environ, **_ENVIRONMENT, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )

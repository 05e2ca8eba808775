# SPDX-License-Identifier: Apache-2.0
"""Memory use of this process."""

from __future__ import annotations

import sys


def peak_memory_bytes() -> int:
    """Peak resident set size of this process; 0 where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def megabytes(count: int) -> str:
    """Byte count in MB (10**6), one decimal."""
    return f"{count / 1e6:.1f} MB"

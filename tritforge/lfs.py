# SPDX-License-Identifier: Apache-2.0
"""Git LFS leaves a small text in place of a large file that was not fetched."""

from __future__ import annotations

_MARK = b"version https://git-lfs.github.com/spec/"

#: What to do about it.
LFS_REMEDY = (
    "is a Git LFS pointer, not the file itself: fetch it with `git lfs pull`, or download the file"
)


def is_lfs_pointer(start: bytes) -> bool:
    """Whether a file that begins so is a pointer of Git LFS."""
    return start.startswith(_MARK)

# SPDX-License-Identifier: Apache-2.0
"""Errors that a machine with an in-band program reports."""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """Why a run stopped. The first error stays until the next start."""

    NONE = 0
    UNKNOWN_OPERATION = 1
    SHAPE_TOO_LARGE = 2
    OPERATION_OUT_OF_ORDER = 3
    STREAM_LENGTH = 4
    INVALID_FIELD = 5

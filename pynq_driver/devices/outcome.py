# SPDX-License-Identifier: Apache-2.0
"""What a user does about a run that ended with an error."""

from __future__ import annotations

from collections.abc import Mapping

from pynq_driver.devices.device import RunResult
from tritforge.error_code import ErrorCode
from tritforge.errors import ConfigurationError, TritforgeError

_DAMAGED = "the program is damaged, open the image again"
_WHAT_TO_DO: Mapping[ErrorCode, str] = {
    ErrorCode.UNKNOWN_OPERATION: _DAMAGED,
    ErrorCode.SHAPE_TOO_LARGE: "generate a machine that is large enough for the model",
    ErrorCode.OPERATION_OUT_OF_ORDER: _DAMAGED,
    ErrorCode.INVALID_FIELD: _DAMAGED,
    ErrorCode.STREAM_LENGTH: "a packet had a wrong length, start again",
}


def check_outcome(result: RunResult) -> None:
    """Check that a run of a machine with an in-band program ended without an error.

    Raises:
        TritforgeError: names the error, the streams of a wrong length, and what to do.
    """
    error = ErrorCode[result.error.upper()]
    if error is not ErrorCode.NONE:
        lengths = result.flags["stream_errors"]
        streams = f" ({', '.join(lengths)})" if lengths else ""
        raise TritforgeError(
            f"the machine stopped with error {result.error}{streams}: {_WHAT_TO_DO[error]}"
        )


def check_fingerprint(found: str, expected: str) -> None:
    """Check that a device was built from a configuration.

    Args:
        found, expected: fingerprints of the device and of the configuration.

    Raises:
        ConfigurationError: it was built from another one.
    """
    if found != expected:
        raise ConfigurationError(
            f"the device is configuration {found}, not {expected}: build it from this configuration"
        )

# SPDX-License-Identifier: Apache-2.0
"""Errors that are the user's to fix: shown as one message, never as a traceback."""


class TritforgeError(Exception):
    """A mistake in what the user gave (value, file, option). The message names it and the fix."""


class ConfigurationError(TritforgeError):
    """A parameter of the accelerator or the model is outside its range."""


class ImageError(TritforgeError):
    """A model image is corrupt, truncated, hostile or of another version."""


class CheckpointError(TritforgeError):
    """A checkpoint directory cannot be converted: missing file, wrong shape, unsupported option."""


def install_command(extra: str) -> str:
    """Command that adds an optional part, for messages.

    Tritforge is on no package index, so the command names the checkout, which is `.`.

    Args:
        extra: one of `[project.optional-dependencies]` in pyproject.toml.
    """
    return f"pip install '.[{extra}]' in the checkout"

# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between the boards of a pipeline."""

from __future__ import annotations

from tritforge.errors import TritforgeError


class PipelineError(TritforgeError):
    """The pipeline cannot go on; its run is over on all boards."""


class BoardSilentError(PipelineError):
    """A board does not answer: it has died, hangs, or cannot be reached."""

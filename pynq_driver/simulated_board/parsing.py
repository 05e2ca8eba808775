# SPDX-License-Identifier: Apache-2.0
"""A hardware hand-off read with PYNQ's own parser, as PYNQ's embedded device does."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def parse_handoff(path: Path, memory_bytes: int) -> Any:
    """PYNQ's description of an overlay.

    Args:
        path: of the `.hwh` file.
        memory_bytes: of the memory behind `pynq.allocate`.

    Raises:
        RuntimeError: there is no such file.
    """
    if not path.exists():
        raise RuntimeError("Unable to find metadata for bitstream")
    from pynqmetadata.frontends import Metadata

    try:
        from pynq.metadata.runtime_metadata_parser import RuntimeMetadataParser
    except ImportError:  # from pynq 4 on
        from pynqmetadata.views.runtime import RuntimeMetadataParser
    parser = RuntimeMetadataParser(Metadata(input=str(path)))
    parser.mem_dict["PSDDR"] = {
        "type": "DDR4",
        "used": 1,
        "base_address": 0,
        "size": memory_bytes,
        "streaming": False,
        "idx": 0,
        "tag": "PSDDR",
    }
    return parser

# SPDX-License-Identifier: Apache-2.0
"""A few seconds of what `python -m benchmarks.serve_abuse` does for minutes."""

from __future__ import annotations

import dataclasses

import pytest

from testing import serve_abuse


@pytest.fixture(scope="module")
def result() -> serve_abuse.Result:
    options = ["--threads", "1", "--connections", "64"]
    return serve_abuse.measure(connections=200, clients=2, seconds=4, options=options)


def test_honest_clients_are_answered(result: serve_abuse.Result) -> None:
    assert result.complaints() == []
    assert set(result.opened) == set(serve_abuse.KINDS)
    assert sum(result.opened.values()) > 200


def test_complaints_name_what_went_wrong(result: serve_abuse.Result) -> None:
    bad = dataclasses.replace(result, failed=3, health=0, log_bytes=5000, memory_bytes=(0, 1 << 30))
    text = "\n".join(bad.complaints())
    for words in ("3 honest requests failed", "/health", "memory grew", "log has 5000 bytes"):
        assert words in text

# SPDX-License-Identifier: Apache-2.0
"""A few seconds of what `python -m benchmarks.serve_load` does for minutes."""

from __future__ import annotations

import dataclasses

import pytest

from testing import serve_load


@pytest.fixture(scope="module")
def result() -> serve_load.Result:
    return serve_load.measure(
        serve_load.LoadOptions(seconds=2, clients=6, lanes=4, queue=1, leave=24, threads=1)
    )


def test_no_errors_no_other_tokens_nothing_left_behind(result: serve_load.Result) -> None:
    assert result.complaints() == []
    assert result.together.requests > 3 and result.alone.requests > 0
    assert result.together.tokens > 100
    report = serve_load.report(result)
    assert "FAILED" not in report and "p50 / p99" in report


def test_more_clients_than_room_are_refused_not_failed(result: serve_load.Result) -> None:
    assert result.together.refused > 0


def test_complaints_name_what_went_wrong(result: serve_load.Result) -> None:
    after = dataclasses.replace(
        result.before, busy_lanes=1, memory_bytes=result.before.memory_bytes + (9 << 20)
    )
    bad = dataclasses.replace(
        result, after=after, together=serve_load.Tally(different=2, errors=["E: x"]), exit_status=3
    )
    text = "\n".join(bad.complaints())
    for words in ("E: x", "2 answers differ", "busy_lanes grew", "memory grew", "status 3"):
        assert words in text

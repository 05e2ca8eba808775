# SPDX-License-Identifier: Apache-2.0
"""`tritforge serve --backend pynq` over the simulated board: the tokens of every stream alone."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import load
from pynq_driver.simulated_board.overlay import write_simulated_overlay
from testing.serve_process import running_server
from tritforge.boards import Board
from tritforge.language_model.image import Image
from tritforge_cli.machine import library_for

pytestmark = [pytest.mark.csim, pytest.mark.filterwarnings("ignore")]

CLIENTS, LANES, TOKENS = 16, 8, 6


@pytest.fixture
def wide_overlay(tmp_path: Path, small_image: Image, board: Board) -> Path:
    """Eight streams at a time."""
    library = library_for("csim", small_image, lanes=LANES)
    folder = tmp_path / "wide"
    write_simulated_overlay(folder, library.path, library.config.to_mapping(), board)
    return folder


def test_sixteen_streaming_clients(wide_overlay: Path, small_image: Image) -> None:
    """Prompts of different lengths, greedy and sampled; twice as many as there are lanes."""
    httpx = pytest.importorskip("httpx", reason="needs pip install '.[serve]' httpx")
    pytest.importorskip("fastapi", reason="needs pip install '.[serve]'")
    golden = load(small_image.path, backend="golden")
    name = golden.image.header.name
    requests = [
        {
            "model": name,
            "prompt": "abcdefgh"[: 1 + index % 8] * (1 + index // 8),
            "max_tokens": TOKENS,
            "temperature": index % 2,
            "seed": index,
            "stream": True,
            "ignore_eos": True,
            "logprobs": 0,
        }
        for index in range(CLIENTS)
    ]

    async def stream(client: Any, request: dict[str, Any]) -> str:
        text = ""
        async with client.stream("POST", "/v1/completions", json=request) as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line.startswith("data: {"):
                    event = json.loads(line.removeprefix("data: "))
                    assert "error" not in event, event
                    text += event["choices"][0]["text"]
        return text

    async def all_streams(url: str) -> list[str]:
        async with httpx.AsyncClient(base_url=url, timeout=300) as client:
            return list(await asyncio.gather(*(stream(client, item) for item in requests)))

    options = ["--backend", "pynq", "--overlay", str(wide_overlay)]
    with running_server([*options, "--model", str(small_image.path)]) as (url, process):
        found = asyncio.run(all_streams(url))
        process.terminate()
        assert process.wait(30) == 0
    assert len(set(found)) > CLIENTS // 2
    for request, text in zip(requests, found):
        alone = golden.generate(
            request["prompt"],
            max_tokens=TOKENS,
            temperature=request["temperature"],
            seed=request["seed"],
            ignore_end=True,
        )
        assert text == "".join(alone), request

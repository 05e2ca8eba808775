# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from testing.fuzzing.pictures import sample_picture
from testing.ivit_random_model import write_random_image
from testing.serve_process import running_server
from tritforge_cli.main import main
from tritforge_cli.serve import API_KEY_VARIABLE

ENDLESS = {
    "model": "stories-17m",
    "prompt": "Once",
    "max_tokens": 4096,
    "ignore_eos": True,
    "stream": True,
}


def first_event(lines: object) -> str:
    return next(line for line in lines if line)  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_lets_a_running_stream_end(number: signal.Signals) -> None:
    body = {**ENDLESS, "max_tokens": 400}
    with (
        running_server(["--threads", "1", "--grace", "20"]) as (url, process),
        httpx.Client(base_url=url, timeout=30) as client,
        client.stream("POST", "/v1/completions", json=body) as response,
    ):
        lines = response.iter_lines()
        first_event(lines)
        process.send_signal(number)
        rest = [line for line in lines if line]
        assert rest[-1] == "data: [DONE]"
        assert (
            json.loads(rest[-2].removeprefix("data: "))["choices"][0]["finish_reason"] == "length"
        )
        assert process.wait(20) == 0
        assert process.stderr is not None and process.stderr.read() == ""


@pytest.mark.parametrize("signals, grace", [(1, "0.2"), (2, "60")])
def test_grace_time_or_a_second_signal_cuts_it(signals: int, grace: str) -> None:
    with (
        running_server(["--threads", "1", "--grace", grace, "--max-tokens", "1000000"]) as (
            url,
            process,
        ),
        httpx.Client(base_url=url, timeout=30) as client,
        client.stream(
            "POST", "/v1/completions", json={**ENDLESS, "max_tokens": 1_000_000}
        ) as response,
    ):
        lines = response.iter_lines()
        first_event(lines)
        process.send_signal(signal.SIGTERM)
        first_event(lines)
        if signals == 2:
            process.send_signal(signal.SIGTERM)
        rest = [line for line in lines if line]
        assert "shutting down" in rest[-1]
        assert process.wait(20) == 0


def test_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(API_KEY_VARIABLE, "from-outside")
    with running_server(["--threads", "1"]) as (url, _):
        assert httpx.get(url + "/v1/models").status_code == 401
        headers = {"Authorization": "Bearer from-outside"}
        assert httpx.get(url + "/v1/models", headers=headers).status_code == 200
        assert httpx.get(url + "/health", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--lanes", "0"], ["lanes = 0", "1", "256"]),
        (["--queue", "-1"], ["queue = -1"]),
        (["--timeout", "nan"], ["timeout = nan", "at most 86400"]),
        (["--timeout", "0"], ["timeout = 0"]),
        (["--grace", "-1"], ["grace = -1"]),
        (["--max-tokens", "0"], ["max_tokens = 0"]),
        (["--max-body", "5"], ["body_limit = 5"]),
        (["--api-key", ""], ["API key is empty"]),
        (["--port", "70000"], ["port = 70000", "65535"]),
        (["--host", "no.such.host.invalid"], ["cannot listen on no.such.host.invalid"]),
        (["--chat-template", "no-such-file"], ["cannot read no-such-file"]),
        (["--port", "0", "--model", "no-such-file"], ["cannot read no-such-file"]),
        (["--connections", "3"], ["connections = 3", "16"]),
        (["--allow-host", "http://a"], ["host name 'http://a'", "without scheme"]),
        (["--cors", "http://a/"], ["origin 'http://a/'", "http://localhost:3000"]),
    ],
)
def test_mistakes_give_one_message_and_status_2(
    arguments: list[str], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", *arguments]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1 and "error:" in message
    for word in words:
        assert word in message


def test_port_in_use_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--port", port]) == 2
    assert f"port {port}: Address already in use: choose another" in capsys.readouterr().err


def test_missing_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['fastapi'] = None\n"
        "from tritforge_cli.main import main; sys.exit(main(['serve']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 2
    assert "pip install '.[serve]'" in result.stderr


def test_open_host_without_a_key_is_warned_of() -> None:
    with running_server(["--host", "0.0.0.0", "--threads", "1"], lines=2) as (url, _):
        port = url.rsplit(":", 1)[1]
        answer = httpx.get(f"http://127.0.0.1:{port}/health", headers={"Host": "my-machine"})
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("options", "answered", "refused"),
    [
        (["--host", "127.0.0.2"], ["", "localhost", "127.0.0.1:80"], ["a.example"]),
        (["--host", "localhost"], ["", "localhost:1"], ["a.example"]),
        (["--allow-host", "a.example"], ["", "A.example:80"], ["b.example"]),
        (["--host", "0.0.0.0", "--allow-host", "a.example"], ["", "a.example"], ["b.example"]),
    ],
)
def test_announced_address_and_named_hosts_are_answered(
    options: list[str], answered: list[str], refused: list[str]
) -> None:
    lines = 2 if "0.0.0.0" in options else 1
    with running_server([*options, "--threads", "1"], lines=lines) as (url, _):
        for names, status in ((answered, 200), (refused, 400)):
            for name in names:
                headers = {"Host": name} if name else {}
                assert httpx.get(f"{url}/health", headers=headers).status_code == status


def test_origins_of_pages_are_an_option() -> None:
    page = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    origins = ["--cors", page["Origin"], "https://a.example"]
    with running_server(["--threads", "1", *origins]) as (url, _):
        answer = httpx.options(f"{url}/v1/chat/completions", headers=page)
        assert answer.headers["access-control-allow-origin"] == page["Origin"]


def test_file_that_is_no_template_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "template.jinja"
    path.write_text("{% for %}", encoding="utf-8")
    assert main(["serve", "--chat-template", str(path)]) == 2
    assert "is no chat template" in capsys.readouterr().err


def test_vision_models_are_served_alone_or_beside(tmp_path: Path) -> None:
    image = str(write_random_image(tmp_path).path)
    content, header = sample_picture("PNG", 20, 20), {"Content-Type": "image/png"}
    for options, names in (
        (["--model", image], ["random"]),
        (["--vision-model", image, "--threads", "1"], ["stories-17m", "random"]),
    ):
        with (
            running_server(options) as (url, process),
            httpx.Client(base_url=url, timeout=30) as client,
        ):
            assert [item["id"] for item in client.get("/v1/models").json()["data"]] == names
            answer = client.post("/v1/classify", content=content, headers=header)
            assert answer.json()["label"].startswith("class")
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
            assert process.stderr is not None and process.stderr.read() == ""


def test_options_of_the_other_model_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = str(write_random_image(tmp_path).path)
    assert main(["serve", "--port", "0", "--model", image, "--vision-model", image]) == 2
    assert "is a vision model" in capsys.readouterr().err

# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import openai
import pytest

from pynq_driver import LanguageModel, load
from pynq_driver.serving.chat_template import JinjaTemplate
from pynq_driver.serving.hosts import HostNames
from tests.pynq_driver.serving.running import MODEL, RunningServer, running_server, wait

PROMPT = "The little bird"
#: A request that does not end before a test has looked at it.
ENDLESS = {"model": MODEL, "prompt": PROMPT, "max_tokens": 4096, "ignore_eos": True}


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load(threads=1)


@pytest.fixture(scope="module")
def server(model: LanguageModel) -> Iterator[RunningServer]:
    with running_server(model, lanes=4, queue=100) as running:
        yield running
        running.wait_idle()


def expected(model: LanguageModel, prompt: str, seed: int, tokens: int) -> tuple[str, list[int]]:
    generation = model.generate(prompt, seed=seed, max_tokens=tokens)
    return "".join(generation), generation.tokens


def test_completion_is_the_single_stream_generation(
    server: RunningServer, model: LanguageModel
) -> None:
    answer = server.client.completions.create(
        model=MODEL, prompt=PROMPT, seed=4, max_tokens=40, extra_body={"return_token_ids": True}
    )
    text, tokens = expected(model, PROMPT, 4, 40)
    assert answer.choices[0].text == text
    assert answer.choices[0].model_extra == {"token_ids": tokens}
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == len(model.encode(PROMPT))
    assert answer.usage.completion_tokens == 40
    assert answer.usage.total_tokens == 40 + answer.usage.prompt_tokens


def test_streamed_pieces_join_to_the_same_text(server: RunningServer, model: LanguageModel) -> None:
    stream = server.client.completions.create(
        model=MODEL,
        prompt=PROMPT,
        seed=4,
        max_tokens=400,
        stream=True,
        stream_options={"include_usage": True},
        extra_body={"return_token_ids": True},
    )
    chunks = list(stream)
    text, tokens = expected(model, PROMPT, 4, 400)
    pieces = [choice for chunk in chunks for choice in chunk.choices]
    assert "".join(piece.text for piece in pieces) == text
    assert [token for piece in pieces for token in piece.model_extra["token_ids"]] == tokens
    assert [piece.finish_reason for piece in pieces] == [None] * (len(pieces) - 1) + ["stop"]
    assert chunks[-1].usage is not None and not chunks[-1].choices
    assert chunks[-1].usage.completion_tokens == len(tokens)
    assert len({chunk.id for chunk in chunks}) == 1
    assert len(pieces) > 5


def test_chat_concatenates_and_streams(server: RunningServer, model: LanguageModel) -> None:
    messages: Any = [
        {"role": "system", "content": "Once upon a time"},
        {"role": "user", "content": [{"type": "text", "text": PROMPT}]},
    ]
    text, _ = expected(model, f"Once upon a time\n{PROMPT}", 5, 30)
    options: dict[str, Any] = {"model": MODEL, "messages": messages, "seed": 5}
    answer = server.client.chat.completions.create(**options, max_tokens=30)
    assert answer.choices[0].message.content == text
    assert answer.choices[0].message.role == "assistant"
    chunks = list(
        server.client.chat.completions.create(**options, max_completion_tokens=30, stream=True)
    )
    assert chunks[0].choices[0].delta.role == "assistant"
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == text
    assert chunks[-1].choices[0].finish_reason == "length"


def test_choices_and_prompts_have_seeds_and_indices_of_their_own(
    server: RunningServer, model: LanguageModel
) -> None:
    prompts = ["Tom and his dog", "Lily had"]
    answer = server.client.completions.create(
        model=MODEL, prompt=prompts, n=3, seed=7, max_tokens=12
    )
    texts = [expected(model, prompt, 7 + i, 12)[0] for prompt in prompts for i in range(3)]
    assert [choice.text for choice in answer.choices] == texts
    assert [choice.index for choice in answer.choices] == list(range(6))
    assert answer.usage is not None and answer.usage.completion_tokens == 72
    by_index: dict[int, str] = {}
    for chunk in server.client.completions.create(
        model=MODEL, prompt=prompts, n=3, seed=7, max_tokens=12, stream=True
    ):
        for choice in chunk.choices:
            by_index[choice.index] = by_index.get(choice.index, "") + choice.text
    assert [by_index[index] for index in range(6)] == texts


def test_token_ids_are_taken_as_they_are(server: RunningServer, model: LanguageModel) -> None:
    text, _ = expected(model, PROMPT, 3, 10)
    ids = model.encode(PROMPT)
    for prompt in (ids, [ids]):
        answer = server.client.completions.create(model=MODEL, prompt=prompt, seed=3, max_tokens=10)
        assert answer.choices[0].text == text


def test_sampling_defaults_are_the_models_own_and_zero_is_greedy(
    server: RunningServer, model: LanguageModel
) -> None:
    answer = server.client.completions.create(
        model=MODEL, prompt=PROMPT, temperature=0, max_tokens=20
    )
    greedy = "".join(model.generate(PROMPT, temperature=0, max_tokens=20))
    assert answer.choices[0].text == greedy
    narrow = server.post(
        {"model": MODEL, "prompt": PROMPT, "top_k": 1, "temperature": 1.5, "max_tokens": 20}
    )
    assert narrow.json()["choices"][0]["text"] == greedy
    short = server.post({"model": MODEL, "prompt": PROMPT}).json()
    assert short["usage"]["completion_tokens"] == 16
    assert short["system_fingerprint"].startswith("tritforge_")


def test_stop_sequence_is_left_out_in_both_forms(
    server: RunningServer, model: LanguageModel
) -> None:
    text, _ = expected(model, PROMPT, 4, 100)
    stop = text[25:31]
    shown = text[: text.index(stop)]
    options: dict[str, Any] = {"model": MODEL, "prompt": PROMPT, "seed": 4, "max_tokens": 100}
    answer = server.client.completions.create(**options, stop=["not in it", stop])
    assert answer.choices[0].text == shown
    assert answer.choices[0].finish_reason == "stop"
    chunks = list(server.client.completions.create(**options, stop=stop, stream=True))
    assert "".join(chunk.choices[0].text for chunk in chunks) == shown
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_concurrent_requests_get_the_tokens_of_a_stream_alone(
    server: RunningServer, model: LanguageModel
) -> None:
    def ask(seed: int) -> str:
        prompt = PROMPT + " sang." * seed
        chunks = server.client.completions.create(
            model=MODEL, prompt=prompt, seed=seed, max_tokens=10 + 3 * seed, stream=True
        )
        return "".join(choice.text for chunk in chunks for choice in chunk.choices)

    with ThreadPoolExecutor(12) as pool:
        texts = list(pool.map(ask, range(24)))
    for seed, text in enumerate(texts):
        assert text == expected(model, PROMPT + " sang." * seed, seed, 10 + 3 * seed)[0]


def test_golden_backend_serves_the_same_tokens(server: RunningServer, model: LanguageModel) -> None:
    options: dict[str, Any] = {"model": MODEL, "prompt": PROMPT, "seed": 4, "max_tokens": 6, "n": 2}
    with running_server(load(backend="golden"), lanes=2) as golden:
        answer = golden.client.completions.create(**options)
    wanted = [choice.text for choice in server.client.completions.create(**options).choices]
    assert [choice.text for choice in answer.choices] == wanted


def test_leaving_a_stream_frees_its_lane(server: RunningServer) -> None:
    stream = server.client.completions.create(
        model=MODEL,
        prompt=PROMPT,
        max_tokens=4096,
        stream=True,
        extra_body={"ignore_eos": True},
    )
    assert next(iter(stream)).choices[0].text
    assert server.service.scheduler.busy_lanes == 1
    stream.close()
    server.wait_idle()


def test_leaving_before_the_answer_frees_the_lane(server: RunningServer) -> None:
    body = json.dumps(ENDLESS).encode()
    host, port = server.url.removeprefix("http://").split(":")
    head = (
        f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + body)
        wait(lambda: server.service.scheduler.busy_lanes == 1)
    server.wait_idle()


def test_reader_that_is_too_slow_is_cut_at_the_time_out(
    model: LanguageModel, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pynq_driver.serving.answer._READING_SECONDS", 0.3)
    body = json.dumps({**ENDLESS, "stream": True, "n": 64, "return_token_ids": True}).encode()
    with running_server(model, send_buffer=4096, lanes=64, timeout=1.0) as running:
        host, port = running.url.removeprefix("http://").split(":")
        head = (
            f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        with socket.socket() as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect((host, int(port)))
            connection.sendall(head.encode() + body)
            wait(lambda: running.service.scheduler.busy_lanes == 64)
            running.wait_idle()
            wait(lambda: not running.service.office.open_streams)


def test_full_queue_is_429_with_a_time_to_retry(model: LanguageModel) -> None:
    with running_server(model, lanes=1, queue=0) as running:
        running.client.completions.create(model=MODEL, prompt=PROMPT, max_tokens=1)
        running.wait_idle()
        with running.client.completions.create(
            model=MODEL,
            prompt=PROMPT,
            max_tokens=4096,
            stream=True,
            extra_body={"ignore_eos": True},
        ) as stream:
            next(iter(stream))
            with pytest.raises(openai.RateLimitError) as refused:
                running.client.completions.create(model=MODEL, prompt=PROMPT)
            assert 1 <= int(refused.value.response.headers["retry-after"]) <= 60
            assert refused.value.code == "queue_full"


def test_time_out_is_504_or_an_error_in_the_stream(model: LanguageModel) -> None:
    with running_server(model, lanes=1, timeout=0.3) as running:
        code, error = running.error(ENDLESS)
        assert (code, error["code"]) == (504, "timeout")
        assert "0.3 s" in error["message"]
        stream = running.client.completions.create(
            model=MODEL,
            prompt=PROMPT,
            max_tokens=4096,
            stream=True,
            extra_body={"ignore_eos": True},
        )
        with pytest.raises(openai.APIError, match="not finished within"):
            list(stream)
        running.wait_idle()


def test_shutdown_tells_running_streams_and_refuses_new_ones(model: LanguageModel) -> None:
    with running_server(model, lanes=1) as running:
        assert running.http.get("/health").json() == {"status": "ok"}
        stream = iter(
            running.client.completions.create(
                model=MODEL,
                prompt=PROMPT,
                max_tokens=4096,
                stream=True,
                extra_body={"ignore_eos": True},
            )
        )
        next(stream)
        running.service.scheduler.close(grace=0)
        with pytest.raises(openai.APIError, match="shutting down"):
            list(stream)
        assert running.error({"model": MODEL, "prompt": PROMPT})[0] == 503
        assert running.http.get("/health").status_code == 503


def test_broken_engine_is_500_and_unhealthy(
    model: LanguageModel, caplog: pytest.LogCaptureFixture
) -> None:
    with running_server(model, lanes=1) as running:
        running.service.scheduler._backend.advance = None  # type: ignore[assignment, method-assign]
        assert running.error({"model": MODEL, "prompt": PROMPT})[0] == 500
        assert running.http.get("/health").status_code == 503
    assert "the scheduler failed" in caplog.text


@pytest.mark.parametrize(
    "change, param, words",
    [
        ({"max_tokens": 0}, "max_tokens", "max_tokens = 0 is out of range: give 1 or more"),
        ({"max_tokens": -2}, "max_tokens", "greater than or equal to -1"),
        ({"max_tokens": "5"}, "max_tokens", "valid integer"),
        ({"max_tokens": True}, "max_tokens", "valid integer"),
        ({"temperature": -0.1}, "temperature", "greater than or equal to 0"),
        ({"top_p": -0.1}, "top_p", "greater than or equal to 0"),
        ({"top_p": 1.5}, "top_p", "less than or equal to 1"),
        ({"top_k": -2}, "top_k", "greater than or equal to -1"),
        ({"n": 0}, "n", "greater than or equal to 1"),
        ({"n": 105}, "n", "at most 104"),
        ({"seed": 1 << 63}, "seed", "less than"),
        ({"stop": "a" * 1001}, "stop", "at most 1000 characters"),
        ({"stop": ["a"] * 17}, "stop", "at most 16"),
        ({"prompt": []}, "prompt", "at least one"),
        ({"prompt": [[]]}, "prompt", "at least one"),
        ({"prompt": [4096]}, "prompt", "below 4096"),
        ({"prompt": [-1]}, "prompt", "greater than or equal to 0"),
        ({"prompt": None}, "prompt", "valid string"),
        ({"logprobs": 21}, "logprobs", "less than or equal to 20"),
        ({"logprobs": -1}, "logprobs", "greater than or equal to 0"),
        ({"min_p": 0.1}, "min_p", "not supported"),
        ({"repetition_penalty": 1.3}, "repetition_penalty", "not supported"),
        ({"frequency_penalty": 0.5}, "frequency_penalty", "not supported"),
        ({"logit_bias": {"5": -100}}, "logit_bias", "not supported"),
        ({"echo": 1}, "echo", "valid boolean"),
        ({"best_of": 2}, "best_of", "not supported"),
        ({"max_token": 5}, "max_token", "unknown option 'max_token'"),
        ({"stream_options": {"include_usage": True}}, "stream_options", "stream: true"),
    ],
)
def test_mistakes_are_named(
    server: RunningServer, change: dict[str, Any], param: str, words: str
) -> None:
    code, error = server.error({"model": MODEL, "prompt": "x", **change})
    assert code == 400, error
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert words in error["message"]


def test_neutral_values_of_unsupported_options_are_accepted(server: RunningServer) -> None:
    neutral = {
        "frequency_penalty": 0.0,
        "presence_penalty": 0,
        "logit_bias": {},
        "logprobs": None,
        "echo": False,
        "best_of": 1,
        "suffix": None,
        "user": "somebody",
    }
    assert server.post({"model": MODEL, "prompt": "x", **neutral}).status_code == 200
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "x"}], "max_tokens": 2}
    more = {"response_format": {"type": "text"}, "logprobs": False, "tools": []}
    path = "/v1/chat/completions"
    assert server.post({**chat, **more}, path).status_code == 200
    assert server.error({**chat, "tools": [{"type": "function"}]}, path)[1]["param"] == "tools"
    assert server.error({**chat, "messages": []}, path)[1]["param"] == "messages"
    assert server.error({**chat, "messages": [{"role": "cat", "content": ""}]}, path)[0] == 400


#: Values that clients send by default, or that mean "as you like".
NEUTRAL: dict[str, Any] = {
    "repetition_penalty": 1.0,
    "min_p": 0,
    "max_tokens": -1,
    "stop": "",
    "top_p": 0,
    "top_k": -1,
    "typical_p": 1.0,
    "min_tokens": 0,
    "stop_token_ids": [],
    "skip_special_tokens": True,
    "use_beam_search": False,
    "cache_prompt": True,
    "unknown_but_null": None,
    "stream": None,
    "stream_options": None,
    "logit_bias": None,
    "ignore_eos": None,
    "return_token_ids": None,
    # Details of samplers that are off.
    "mirostat_tau": 5.0,
    "dry_sequence_breakers": ["\n"],
    "xtc_threshold": 0.1,
    "repetition_penalty_range": 1024,
    "ban_eos_token": False,
    "n_predict": -1,
    "usage": {"include": False},
}


@pytest.mark.parametrize("name", NEUTRAL)
def test_values_that_mean_nothing_are_taken(server: RunningServer, name: str) -> None:
    body = {"model": MODEL, "prompt": PROMPT, "seed": 4, "max_tokens": 8, name: NEUTRAL[name]}
    answer = server.post({**body, **({"stop": ["."]} if name == "max_tokens" else {})})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("bias", "status"), [({"7": 0, "8": 0.0}, 200), ({"7": 0, "8": -1}, 400), ({"7": False}, 400)]
)
def test_a_bias_of_nothing_is_taken(
    server: RunningServer, bias: dict[str, Any], status: int
) -> None:
    body = {"model": MODEL, "prompt": "x", "max_tokens": 1, "logit_bias": bias}
    assert server.post(body).status_code == status


def test_whole_numbers_may_be_written_as_fractions(server: RunningServer) -> None:
    """Languages with one kind of number send 8 as 8.0."""
    numbers = {"max_tokens": 8, "seed": 4, "n": 2, "top_k": 5}
    answers = [
        server.post({"model": MODEL, "prompt": PROMPT, **given}).json()["choices"]
        for given in (numbers, {name: float(value) for name, value in numbers.items()})
    ]
    assert answers[0] == answers[1] and len(answers[0]) == 2
    body = {"model": MODEL, "prompt": PROMPT, "max_tokens": 8.5}
    assert server.error(body)[1]["param"] == "max_tokens"


@pytest.mark.parametrize("path", ["/health", "/metrics", "/v1/models", f"/v1/models/{MODEL}"])
def test_the_head_alone_can_be_asked_for(server: RunningServer, path: str) -> None:
    answer = server.http.head(path)
    assert answer.status_code == 200 and answer.content == b""
    assert answer.headers["content-type"] == server.http.get(path).headers["content-type"]


def test_top_p_zero_is_the_likeliest_token(server: RunningServer, model: LanguageModel) -> None:
    body = {"model": MODEL, "prompt": PROMPT, "max_tokens": 12, "top_p": 0, "temperature": 2}
    greedy = "".join(model.generate(PROMPT, temperature=0, max_tokens=12))
    assert server.post(body).json()["choices"][0]["text"] == greedy


@pytest.mark.parametrize("limit", [-1, 8192, 1 << 40])
def test_more_tokens_than_the_server_gives_are_cut(model: LanguageModel, limit: int) -> None:
    with running_server(model, lanes=1, max_tokens=30) as running:
        for option in ("max_tokens", "max_completion_tokens"):
            chat = {
                "messages": [{"role": "user", "content": "x"}],
                option: limit,
                "ignore_eos": True,
            }
            answer = running.post(chat, "/v1/chat/completions").json()
            assert answer["usage"]["completion_tokens"] == 30
            assert answer["choices"][0]["finish_reason"] == "length"


CHAT = "/v1/chat/completions"
USER = {"role": "user", "content": "Once upon a time"}


def test_its_own_message_is_taken_as_history(server: RunningServer) -> None:
    """`messages.append(choice.message)`, several turns, as objects of the client and as JSON."""
    history: list[Any] = [USER]
    for turn in range(3):
        answer = server.client.chat.completions.create(
            model=MODEL, messages=history, max_tokens=4, seed=turn
        )
        history += [answer.choices[0].message, USER]
    options = {"model": MODEL, "max_tokens": 4, "seed": 1}
    message = server.post({**options, "messages": [USER]}, CHAT).json()["choices"][0]["message"]
    whole = {**message, "annotations": [], "audio": None, "function_call": None, "tool_calls": None}
    for value in (message, whole):
        assert server.post({**options, "messages": [USER, value, USER]}, CHAT).status_code == 200


@pytest.mark.parametrize(
    "message",
    [
        {"role": "assistant", "content": None},
        {"role": "assistant"},
        {"role": "assistant", "content": ""},
        {"role": "assistant", "content": [{"type": "text", "text": "a"}], "tool_calls": []},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "content": "a", "refusal": None, "name": None, "id": "m1"},
        {"role": "assistant", "content": "a", "reasoning_content": "because"},
        {"role": "tool", "tool_call_id": "c1", "content": "42"},
        {
            "role": "developer",
            "content": [{"type": "text", "text": "a"}, {"type": "text", "text": ""}],
        },
        {"role": "user", "content": [], "name": "Tom"},
    ],
)
def test_messages_of_clients_are_taken(server: RunningServer, message: dict[str, Any]) -> None:
    body = {"model": MODEL, "messages": [USER, message, USER], "max_tokens": 2}
    answer = server.post(body, CHAT)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ({"role": "user", "content": None}, "messages[1].content"),
        ({"role": "cat", "content": "x"}, "messages[1]"),
        ({"role": "assistant", "content": "x", "audio": {"id": "a"}}, "messages[1].audio"),
        (
            {"role": "assistant", "tool_calls": [{"id": "c1"}]},
            "messages[1].tool_calls needs a chat",
        ),
        ({"role": "user", "content": [{"type": "image_url", "image_url": {}}]}, "messages[1]"),
        ({"role": "user", "content": "x", "weather": "fine"}, "messages[1].weather"),
    ],
)
def test_messages_that_the_prompt_cannot_show_are_refused(
    server: RunningServer, message: dict[str, Any], words: str
) -> None:
    code, error = server.error({"model": MODEL, "messages": [USER, message]}, CHAT)
    assert (code, error["param"]) == (400, "messages")
    assert words in error["message"]


def test_tools_need_a_template_that_shows_them(model: LanguageModel) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    body = {"messages": [USER], "max_tokens": 1, "tools": tools}
    with running_server(model, lanes=1) as running:
        code, error = running.error(body, CHAT)
        assert (code, error["param"]) == (400, "tools") and "--chat-template" in error["message"]
        assert running.post({**body, "tool_choice": "none"}, CHAT).status_code == 200
    template = JinjaTemplate("{% if tools %}{{ tools[0].function.name * 50 }}{% endif %}")
    with running_server(model, lanes=1, chat_template=template) as running:
        used = [
            running.post({**body, "tool_choice": choice}, CHAT).json()["usage"]["prompt_tokens"]
            for choice in ("auto", "none")
        ]
        assert used[0] > used[1]
        code, error = running.error({**body, "tool_choice": "required"}, CHAT)
        assert (code, error["param"]) == (400, "tool_choice")


def test_error_of_a_template_is_a_400_that_names_it(model: LanguageModel) -> None:
    template = JinjaTemplate("{{ raise_exception('roles must alternate') }}")
    with running_server(model, lanes=1, chat_template=template) as running:
        code, error = running.error({"messages": [USER]}, CHAT)
        assert (code, error["param"]) == (400, "messages")
        assert "roles must alternate" in error["message"]


def nats(model: LanguageModel, tokens: list[int]) -> list[float]:
    return model.backend.score([tokens])[0]


def test_log_probabilities_are_the_models_own(server: RunningServer, model: LanguageModel) -> None:
    prompt = model.encode(PROMPT)
    options = {"model": MODEL, "prompt": prompt, "seed": 4, "max_tokens": 5, "logprobs": 2}
    more = {"echo": True, "return_token_ids": True}
    answer = server.post({**options, **more}).json()["choices"][0]
    tokens = [*prompt, *answer["token_ids"]]
    found = answer["logprobs"]
    assert found["token_logprobs"][0] is None and found["top_logprobs"][0] is None
    assert [-value for value in found["token_logprobs"][1:]] == pytest.approx(nats(model, tokens))
    assert found["tokens"][0] == "<s>" or len(found["tokens"]) == len(tokens)
    assert "".join(found["tokens"][1:]) == answer["text"] == model.decode(tokens)
    assert all(
        answer["text"][offset:].startswith(token)
        for offset, token in zip(found["text_offset"][1:], found["tokens"][1:])
    )
    for value, top in zip(found["token_logprobs"][1:], found["top_logprobs"][1:]):
        assert value in top.values() and 2 <= len(top) <= 3
        assert value <= max(top.values()) < 0
    plain = server.post(options).json()["choices"][0]
    assert plain["logprobs"]["token_logprobs"] == found["token_logprobs"][len(prompt) :]
    assert plain["text"] == answer["text"][len(PROMPT) :]


def test_prompt_alone_can_be_scored(server: RunningServer, model: LanguageModel) -> None:
    """What evaluation harnesses ask for: no token, or one that they drop."""
    prompts = [model.encode(text) for text in ("Once upon a time", "The dog")]
    for limit in (0, 1):
        body = {"model": MODEL, "prompt": prompts, "max_tokens": limit, "logprobs": 1, "echo": True}
        answer = server.post({**body, "temperature": 0}).json()
        assert answer["usage"]["completion_tokens"] == 2 * limit
        for choice, tokens in zip(answer["choices"], prompts):
            values = choice["logprobs"]["token_logprobs"][: len(tokens)]
            assert [-value for value in values[1:]] == pytest.approx(nats(model, tokens))
            assert choice["finish_reason"] == "length"


def test_echo_of_texts_without_scores_and_in_a_stream(server: RunningServer) -> None:
    options: dict[str, Any] = {"model": MODEL, "prompt": [PROMPT, "Tom"], "n": 2, "echo": True}
    options |= {"max_tokens": 6, "seed": 2}
    whole = server.client.completions.create(**options)
    assert [choice.text[:3] for choice in whole.choices] == ["The", "The", "Tom", "Tom"]
    texts = [""] * 4
    for chunk in server.client.completions.create(**options, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [choice.text for choice in whole.choices]
    plain = server.client.completions.create(**{**options, "echo": False})
    assert [PROMPT + choice.text for choice in plain.choices[:2]] == texts[:2]


def test_log_probabilities_of_a_chat_in_both_forms(server: RunningServer) -> None:
    options: dict[str, Any] = {"model": MODEL, "messages": [USER], "max_tokens": 6, "seed": 3}
    options |= {"logprobs": True, "top_logprobs": 3}
    whole = server.client.chat.completions.create(**options).choices[0]
    assert whole.logprobs is not None and whole.logprobs.content is not None
    assert "".join(item.token for item in whole.logprobs.content) == whole.message.content
    for item in whole.logprobs.content:
        assert item.bytes is not None and bytes(item.bytes).decode() == item.token
        assert len(item.top_logprobs) == 3
        assert [top.logprob for top in item.top_logprobs] == sorted(
            (top.logprob for top in item.top_logprobs), reverse=True
        )
    streamed = [
        item
        for chunk in server.client.chat.completions.create(**options, stream=True)
        for choice in chunk.choices
        for item in (choice.logprobs.content if choice.logprobs else None) or ()
    ]
    assert streamed == whole.logprobs.content
    code, error = server.error({"model": MODEL, "messages": [USER], "top_logprobs": 2}, CHAT)
    assert (code, error["param"]) == (400, "top_logprobs")
    assert (
        server.post({"messages": [USER], "max_tokens": 1, "logprobs": False}, CHAT).json()[
            "choices"
        ][0]["logprobs"]
        is None
    )


def test_special_tokens_in_a_prompt_are_text_unless_asked_for(
    server: RunningServer, model: LanguageModel
) -> None:
    name = model.codec.token_names["eos_token"]
    body = {"model": MODEL, "prompt": f"{name}Once", "max_tokens": 1}
    used = [
        server.post({**body, "special_tokens": value}).json()["usage"]["prompt_tokens"]
        for value in (False, True)
    ]
    assert used[0] > used[1] == 1 + len(model.codec.parse(f"{name}Once"))


def test_model_may_be_left_out(server: RunningServer) -> None:
    assert server.post({"prompt": "x", "max_tokens": 1}).json()["model"] == MODEL


def test_pages_of_an_origin_that_is_allowed_may_use_the_server(model: LanguageModel) -> None:
    ask = {
        "Origin": "http://localhost:3000",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,authorization",
    }
    for origins in (("http://localhost:3000",), ("*",)):
        with running_server(model, lanes=1, api_key="k", origins=origins) as running:
            allowed = httpx.options(running.url + CHAT, headers=ask)
            assert allowed.status_code == 200
            assert allowed.headers["access-control-allow-origin"] in (ask["Origin"], "*")
            assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
            origin = {"Origin": ask["Origin"]}
            refused = httpx.get(running.url + "/v1/models", headers=origin)
            assert refused.status_code == 401, "the page can read the error"
            assert refused.headers["access-control-allow-origin"] in (ask["Origin"], "*")
            assert running.http.get("/v1/models", headers=origin).status_code == 200
            if origins != ("*",):
                foreign = httpx.options(running.url + CHAT, headers={**ask, "Origin": "http://x"})
                assert "access-control-allow-origin" not in foreign.headers


def test_pages_may_not_use_the_server_by_default(server: RunningServer) -> None:
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    response = server.http.options(CHAT, headers=headers)
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_forgotten_content_type_is_named(server: RunningServer, kind: str | None) -> None:
    content = json.dumps({"model": MODEL, "prompt": "x", "max_tokens": 1}).encode()
    headers = {} if kind is None else {"content-type": kind}
    response = server.http.post("/v1/completions", content=content, headers=headers)
    assert response.status_code == 400
    message = response.json()["error"]["message"]
    assert "'Content-Type: application/json'" in message
    assert kind is None or kind in message
    for good in ("application/json; charset=utf-8", "application/vnd.api+json", "APPLICATION/JSON"):
        headers = {"content-type": good}
        response = server.http.post("/v1/completions", content=content, headers=headers)
        assert response.status_code == 200


def test_panic_of_the_tokenizer_is_an_error_like_any_other(model: LanguageModel) -> None:
    class Panic(BaseException):
        """A panic of the Rust library is no Exception."""

    class Broken:
        def __init__(self, real: Any) -> None:
            self.__getattr__ = real.__getattribute__

        def encode(self, *arguments: Any, **options: Any) -> None:
            raise Panic("index out of bounds")

    broken = load(threads=1)
    with running_server(broken, lanes=1) as running:
        broken.codec.tokenizer = Broken(model.tokenizer)  # type: ignore[assignment]
        code, error = running.error({"prompt": "x"})
        assert code == 400 and "index out of bounds" in error["message"]
        assert running.post({"prompt": [1, 5], "max_tokens": 1}).status_code == 200


def test_models_and_unknown_model(server: RunningServer) -> None:
    assert [item.id for item in server.client.models.list()] == [MODEL]
    assert server.client.models.retrieve(MODEL).owned_by == "tritforge"
    with pytest.raises(openai.NotFoundError) as caught:
        server.client.completions.create(model="gpt-5", prompt="x")
    assert caught.value.code == "model_not_found" and MODEL in str(caught.value)
    with pytest.raises(openai.NotFoundError):
        server.client.models.retrieve("a/b")


def test_what_is_no_request_gets_an_error_in_the_same_format(server: RunningServer) -> None:
    headers = {"content-type": "application/json"}
    cases: list[tuple[int, httpx.Response]] = [
        (404, server.http.get("/nothing")),
        (405, server.http.get("/v1/completions")),
        (400, server.http.post("/v1/completions", content=b"{", headers=headers)),
        (400, server.http.post("/v1/completions", content=b"\xff", headers=headers)),
        (400, server.http.post("/v1/completions", content=b"[" * 100_000, headers=headers)),
        (400, server.http.post("/v1/completions", content=b"[]", headers=headers)),
        # A web page can send this to a loopback server without asking; it must not work.
        (400, server.http.post("/v1/completions", content=json.dumps(ENDLESS).encode())),
        (400, server.http.post("/v1/completions", data={"model": MODEL})),
        (400, server.http.post("/v1/completions", content=b"x", headers={"host": ""})),
        (404, server.http.post("/v1/embeddings", json={})),
        (404, server.http.delete("/")),
        (405, server.http.delete("/v1/models")),
        (405, server.http.options("/v1/completions")),
    ]
    for status, response in cases:
        assert response.status_code == status
        assert set(response.json()["error"]) == {"message", "type", "param", "code"}
    assert server.service.scheduler.busy_lanes == 0


def test_lone_surrogate_is_no_text(server: RunningServer) -> None:
    body = json.dumps({"model": MODEL, "prompt": "bad \ud800"}).encode()
    headers = {"content-type": "application/json"}
    response = server.http.post("/v1/completions", content=body, headers=headers)
    assert response.status_code == 400
    assert response.json()["error"]["param"] == "prompt"


def test_large_bodies_are_refused_announced_or_not(model: LanguageModel) -> None:
    def pieces() -> Iterator[bytes]:
        yield b'{"prompt": "'
        for _ in range(64):
            yield b"x" * 1024

    with running_server(model, lanes=1, body_limit=8192) as running:
        headers = {"content-type": "application/json"}
        for content in (b"x" * 8193, pieces()):
            response = running.http.post("/v1/completions", content=content, headers=headers)
            assert response.status_code == 413
            assert response.json()["error"]["code"] == "request_too_large"
        fitting = {"model": MODEL, "prompt": "word " * 1500, "max_tokens": 1}
        assert running.post(fitting).status_code == 200


def test_slow_bodies_are_cut(model: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pynq_driver.serving.gate.BODY_SECONDS", 0.2)
    with running_server(model, lanes=1) as running:
        host, port = running.url.removeprefix("http://").split(":")
        head = (
            f"POST /v1/completions HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            "Content-Length: 100\r\n\r\n{"
        )
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            connection.sendall(head.encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 408")


def test_api_key_guards_all_but_health(model: LanguageModel) -> None:
    with running_server(model, lanes=1, api_key="s3cret") as running:
        assert running.client.completions.create(model=MODEL, prompt="x", max_tokens=1)
        assert httpx.get(running.url + "/health").status_code == 200
        for path in ("/v1/models", "/metrics", "/openapi.json", "/nothing"):
            response = httpx.get(running.url + path)
            assert response.status_code == 401
            assert response.headers["www-authenticate"] == "Bearer"
        for value in ("Bearer wrong", "Bearer", "Basic s3cret", "s3cret", "Bearer s3cretx", "é"):
            headers = {"Authorization": value.encode()}
            assert httpx.get(running.url + "/v1/models", headers=headers).status_code == 401
        with (
            openai.OpenAI(base_url=running.url + "/v1", api_key="no", max_retries=0) as client,
            pytest.raises(openai.AuthenticationError),
        ):
            client.models.list()


def test_foreign_host_header_is_refused(model: LanguageModel) -> None:
    with running_server(model, lanes=1, hosts=HostNames(["my-machine.example"])) as running:
        assert running.http.get("/health").status_code == 200
        for name in ("my-machine.example", "My-Machine.example:80", "127.0.0.2:1", "[::1]:8000"):
            assert running.http.get("/health", headers={"Host": name}).status_code == 200
        for name in ("evil.example", "my-machine.example.evil.example", ""):
            response = running.http.get("/v1/models", headers={"Host": name})
            assert response.status_code == 400
            assert response.json()["error"]["code"] == "unknown_host"
            assert "--allow-host" in response.json()["error"]["message"]


def test_metrics_count_what_happened(model: LanguageModel) -> None:
    with running_server(model, lanes=2, queue=3) as running:
        running.client.completions.create(model=MODEL, prompt=PROMPT, max_tokens=9, n=2)
        running.error({"model": MODEL})
        running.http.get("/a/made/up/path")
        text = running.http.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["tritforge_generated_tokens_total"]) == 18
    assert float(values["tritforge_prompt_tokens_total"]) == 2 * len(model.encode(PROMPT))
    assert float(values['tritforge_streams_total{end="length"}']) == 2
    assert float(values['tritforge_requests_total{path="/v1/completions",status="200"}']) == 1
    assert float(values['tritforge_requests_total{path="/v1/completions",status="400"}']) == 1
    assert float(values['tritforge_requests_total{path="other",status="404"}']) == 1
    assert float(values["tritforge_time_to_first_token_seconds_count"]) == 2
    assert float(values["tritforge_lanes"]) == 2
    assert float(values["tritforge_busy_lanes"]) == 0

# SPDX-License-Identifier: Apache-2.0
"""Clients other than `openai` against the server: several turns, streams, tools, stop, logprobs.

Each runs in a process of its own, because their imports warn. They come with the extra `clients`.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pynq_driver import LanguageModel, load
from pynq_driver.serving.chat_template import JinjaTemplate
from tests.pynq_driver.serving.running import MODEL, RunningServer, running_server
from tritforge.errors import install_command

#: Shows tools by name, then what everybody said.
TEMPLATE = (
    "{% for tool in tools or [] %}{{ tool.function.name }}\n{% endfor %}"
    "{% for message in messages %}{{ message.content or '' }}\n{% endfor %}"
)
PROMPT = "Once upon a time"
#: What every client does: `print_all` gets one value for each key.
PRELUDE = f"""
import json, os
URL, MODEL, PROMPT = os.environ["SERVER_URL"] + "/v1", {MODEL!r}, {PROMPT!r}
PARAMETERS = {{"type": "object", "properties": {{"city": {{"type": "string"}}}}}}
TOOL = {{"type": "function", "function": {{"name": "weather", "description": "of a city",
         "parameters": PARAMETERS}}}}
def print_all(**values):
    print("RESULT", json.dumps(values))
"""
LITELLM = """
import litellm
def ask(messages, **more):
    return litellm.completion(model="openai/" + MODEL, api_base=URL, api_key="unused", seed=1,
                              max_tokens=12, messages=messages, **more)
user = {"role": "user", "content": PROMPT}
first = ask([user])
second = ask([user, first.choices[0].message, user])
stream = ask([user], stream=True)
logprobs = ask([user], logprobs=True, top_logprobs=2).choices[0].logprobs
print_all(
    first=first.choices[0].message.content,
    second=second.choices[0].message.content,
    streamed="".join(chunk.choices[0].delta.content or "" for chunk in stream),
    tools=ask([user], tools=[TOOL]).choices[0].message.content,
    stopped=ask([user], stop=["a"]).choices[0].message.content,
    tokens=[item.token for item in logprobs.content],
)
"""
LANGCHAIN = """
from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI
chat = ChatOpenAI(base_url=URL, api_key="unused", model=MODEL, seed=1, max_tokens=12)
user = HumanMessage(PROMPT)
first = chat.invoke([user])
logprobs = chat.bind(logprobs=True, top_logprobs=2).invoke([user]).response_metadata["logprobs"]
print_all(
    first=first.content,
    second=chat.invoke([user, first, user]).content,
    streamed="".join(chunk.content for chunk in chat.stream([user])),
    tools=chat.bind_tools([TOOL]).invoke([user]).content,
    stopped=chat.invoke([user], stop=["a"]).content,
    tokens=[item["token"] for item in logprobs["content"]],
)
"""
LLM = """
import llm
from pathlib import Path
Path(os.environ["LLM_USER_PATH"], "extra-openai-models.yaml").write_text(
    f"- model_id: local\\n  model_name: {MODEL}\\n  api_base: {URL}\\n  supports_tools: true\\n")
model = llm.get_model("local")
options = {"seed": 1, "max_tokens": 12, "key": "unused"}
def weather(city: str) -> str:
    "Weather of a city."
    return city
talk = model.conversation()
print_all(
    first=talk.prompt(PROMPT, stream=False, **options).text(),
    second=talk.prompt(PROMPT, stream=False, **options).text(),
    streamed="".join(model.prompt(PROMPT, stream=True, **options)),
    tools=model.prompt(PROMPT, stream=False, tools=[llm.Tool.function(weather)], **options).text(),
    stopped=model.prompt(PROMPT, stream=False, stop="a", **options).text(),
)
"""


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load(threads=1)


@pytest.fixture(scope="module")
def server(model: LanguageModel) -> Iterator[RunningServer]:
    with running_server(model, lanes=2, chat_template=JinjaTemplate(TEMPLATE)) as running:
        yield running
        running.wait_idle()


@pytest.mark.parametrize(
    ("module", "script"),
    [("litellm", LITELLM), ("langchain_openai", LANGCHAIN), ("llm", LLM)],
    ids=["litellm", "langchain-openai", "llm"],
)
def test_a_client_talks_with_the_server(
    server: RunningServer, model: LanguageModel, tmp_path: Path, module: str, script: str
) -> None:
    if importlib.util.find_spec(module) is None:
        pytest.skip(f"{module} is not installed: {install_command('clients')}")
    answers = run_client(PRELUDE + script, server.url, tmp_path)

    def text(prompt: str) -> str:
        return "".join(model.generate(prompt, seed=1, max_tokens=12))

    first = text(f"{PROMPT}\n")
    assert answers["first"] == answers["streamed"] == first
    assert answers["second"] == text(f"{PROMPT}\n{first}\n{PROMPT}\n")
    assert answers["tools"] == text(f"weather\n{PROMPT}\n")
    assert "a" in first and answers["stopped"] == first.split("a")[0]
    assert "".join(answers.get("tokens", [first])) == first


def run_client(script: str, url: str, folder: Path) -> dict[str, Any]:
    """What a script prints with `print_all`."""
    environment = {
        **os.environ,
        "SERVER_URL": url,
        "LLM_USER_PATH": str(folder),
        # No list of prices from the network.
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LANGCHAIN_TRACING_V2": "false",
    }
    result = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=environment,
        cwd=folder,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    (line,) = (line for line in result.stdout.splitlines() if line.startswith("RESULT "))
    return json.loads(line.removeprefix("RESULT "))

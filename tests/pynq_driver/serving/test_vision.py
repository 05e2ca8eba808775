# SPDX-License-Identifier: Apache-2.0
"""`/v1/classify`: answers, limits and errors, beside a language model and alone."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from pynq_driver import LanguageModel, load
from pynq_driver.ivit.backends.reference import GoldenVisionBackend
from pynq_driver.ivit.model import VisionModel, load_vision
from testing.fuzzing.pictures import VARIANTS, mutated_picture, sample_picture
from testing.ivit_random_model import RandomModel, write_random_image
from tests.pynq_driver.serving.running import MODEL, RunningServer, running_server, wait
from tritforge.errors import ConfigurationError
from tritforge.ivit.image import VisionImage, open_vision_image

PATH = "/v1/classify"
PICTURE = sample_picture("PNG", 40, 30)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> VisionImage:
    return write_random_image(tmp_path_factory.mktemp("ivit"), RandomModel())


@pytest.fixture(scope="module")
def vision(image: VisionImage) -> VisionModel:
    return load_vision(image.path, "golden")


@pytest.fixture(scope="module")
def alone(image: VisionImage) -> Iterator[RunningServer]:
    model = load_vision(image.path, "golden")
    with running_server(None, vision=model, body_limit=1 << 16) as server:
        yield server


def encoded(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


def test_json_and_the_picture_itself_give_what_the_model_gives(
    alone: RunningServer, vision: VisionModel
) -> None:
    expected = vision.classify(PICTURE, top=3)
    header = {"Content-Type": "image/png"}
    answers = [
        alone.post({"image": encoded(PICTURE), "top": 3}, PATH),
        alone.post({"image": f"data:image/png;base64,{encoded(PICTURE)}", "top": 3}, PATH),
        alone.http.post(PATH, params={"top": 3}, content=PICTURE, headers=header),
    ]
    for answer in answers:
        assert answer.status_code == 200, answer.text
        values = answer.json()
        assert (values["object"], values["model"]) == ("classification", "random")
        assert values["label"] == expected.label
        assert [guess["index"] for guess in values["guesses"]] == [
            guess.index for guess in expected.guesses
        ]
        assert values["guesses"][0]["probability"] == expected.guesses[0].probability
    assert answers[0].json()["system_fingerprint"].startswith("tritforge_")


def test_a_vision_model_alone_has_no_other_routes(alone: RunningServer) -> None:
    assert alone.post({"prompt": "x"}).status_code == 404
    assert alone.http.get("/health").json() == {"status": "ok"}
    assert [item["id"] for item in alone.http.get("/v1/models").json()["data"]] == ["random"]
    metrics = alone.http.get("/metrics").text
    assert 'tritforge_requests_total{path="/v1/classify",status="200"}' in metrics
    assert "tritforge_picture_seconds_count" in metrics and "tritforge_lanes" not in metrics


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "image: Field required"),
        ({"image": 3}, "image: Input should be a valid string"),
        ({"image": "%%%"}, "image is not base64"),
        ({"image": "data:image/png,x"}, "a data URL must be base64"),
        ({"image": ""}, "the picture is empty"),
        ({"image": encoded(b"hello")}, "no picture of a known format"),
        ({"image": encoded(PICTURE[:200])}, "the picture"),
        ({"image": encoded(PICTURE), "top": 0}, "top: Input should be greater than or equal to 1"),
        ({"image": encoded(PICTURE), "top": "2"}, "top: Input should be a valid integer"),
        ({"image": encoded(PICTURE), "size": 2}, "size: Extra inputs are not permitted"),
        ([], "Input should be an object"),
    ],
)
def test_mistakes_are_400_with_the_field(alone: RunningServer, body: Any, words: str) -> None:
    status, error = alone.error(body, PATH)
    assert (status, error["type"]) == (400, "invalid_request_error")
    assert words in error["message"]


def test_other_content_types_and_queries_are_named(alone: RunningServer) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", ""):
        answer = alone.http.post(PATH, content=PICTURE, headers={"Content-Type": kind})
        assert answer.status_code == 400
        assert "content type such as image/png" in answer.json()["error"]["message"]
    header = {"Content-Type": "image/png"}
    answer = alone.http.post(PATH, params={"top": "x"}, content=PICTURE, headers=header)
    assert answer.status_code == 400 and "top: " in answer.json()["error"]["message"]
    answer = alone.http.post(PATH, params={"tops": 3}, content=PICTURE, headers=header)
    assert answer.status_code == 400 and "tops" in answer.json()["error"]["message"]
    answer = alone.http.post(
        PATH, content=b"{", headers={"Content-Type": "application/json; charset=utf-8"}
    )
    assert answer.status_code == 400 and "Invalid JSON" in answer.json()["error"]["message"]


def test_limits_of_the_body_hold(alone: RunningServer) -> None:
    answer = alone.http.post(PATH, content=b"x" * (1 << 17), headers={"Content-Type": "image/png"})
    assert answer.status_code == 413


def test_another_model_is_not_found(alone: RunningServer) -> None:
    status, error = alone.error({"image": encoded(PICTURE), "model": "resnet"}, PATH)
    assert (status, error["code"]) == (404, "model_not_found")
    assert alone.post({"image": encoded(PICTURE), "model": "random"}, PATH).status_code == 200


def test_mutated_pictures_are_answered(alone: RunningServer) -> None:
    seen = set()
    for index in range(3 * len(VARIANTS)):
        answer = alone.post({"image": encoded(mutated_picture(7, index))}, PATH)
        assert answer.status_code in (200, 400), answer.text
        seen.add(answer.status_code)
    assert seen == {200, 400}


def test_both_kinds_beside_each_other(image: VisionImage) -> None:
    model = load(backend="cpu", threads=1)
    assert isinstance(model, LanguageModel)
    with running_server(model, vision=load_vision(image.path, "golden"), lanes=2) as server:
        names = {item["id"] for item in server.http.get("/v1/models").json()["data"]}
        assert names == {MODEL, "random"}
        with ThreadPoolExecutor(4) as pool:
            body = {"prompt": "Once", "max_tokens": 20, "seed": 1, "model": MODEL}
            texts = [pool.submit(server.post, body) for _ in range(2)]
            pictures = [
                pool.submit(server.post, {"image": encoded(PICTURE)}, PATH) for _ in range(4)
            ]
            assert {job.result().status_code for job in (*texts, *pictures)} == {200}
        status, error = server.error({"prompt": "x", "model": "random"})
        assert (status, error["code"]) == (404, "model_not_found")
        assert server.http.get("/v1/models/random").json()["id"] == "random"


class SlowBackend(GoldenVisionBackend):
    """Waits until it may go on."""

    def __init__(self, image: VisionImage) -> None:
        super().__init__(image)
        self.started, self.may_go = threading.Event(), threading.Event()

    def logits(self, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
        self.started.set()
        assert self.may_go.wait(20)
        return super().logits(pixels)


def test_a_full_queue_is_429_and_a_late_answer_504(image: VisionImage) -> None:
    backend = SlowBackend(image)
    with running_server(None, vision=VisionModel(image, backend), queue=1, timeout=1.0) as server:
        body = {"image": encoded(PICTURE)}
        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(server.post, body, PATH)
            assert backend.started.wait(10)
            second = pool.submit(server.post, body, PATH)
            wait(lambda: "tritforge_pictures 2.0" in server.http.get("/metrics").text)
            answer = server.post(body, PATH)
            assert answer.status_code == 429 and answer.headers["Retry-After"] == "1"
            for job in (first, second):
                assert job.result().status_code == 504
        backend.may_go.set()
        wait(lambda: "tritforge_pictures 0.0" in server.http.get("/metrics").text)
        assert server.post(body, PATH).status_code == 200


def test_an_image_that_was_changed_is_503(tmp_path: Path) -> None:
    path = write_random_image(tmp_path).path
    model = VisionModel(open_vision_image(path), GoldenVisionBackend(open_vision_image(path)))
    with running_server(None, vision=model) as server:
        path.write_bytes(path.read_bytes() + b"x")
        status, error = server.error({"image": encoded(PICTURE)}, PATH)
    assert (status, error["code"]) == (503, "image_changed")


def test_the_key_is_asked_for(image: VisionImage) -> None:
    model = load_vision(image.path, "golden")
    with (
        running_server(None, vision=model, api_key="secret") as server,
        httpx.Client(base_url=server.url) as other,
    ):
        assert other.post(PATH, json={"image": encoded(PICTURE)}).status_code == 401


def test_two_models_of_one_name_are_refused(tmp_path: Path) -> None:
    model = load(backend="golden")
    vision = load_vision(write_random_image(tmp_path).path, "golden")
    object.__setattr__(vision.image.header, "name", MODEL)
    with (
        pytest.raises(ConfigurationError, match="both models have the name"),
        running_server(model, vision=vision),
    ):
        pass

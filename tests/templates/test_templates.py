"""Every directory of model_templates, served by a real process, answers as it promises."""

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.support.http_calls import Reply, received_parts
from tests.support.serving import Server, serve, start_failure
from tests.templates.directories import NAMES, ROOT, about, copy, expected, leaves, sample, train

NO_LITTER = {"PYTHONDONTWRITEBYTECODE": "1", "OMP_NUM_THREADS": "1"}
PICKLED = "sklearn_pipeline"
ROWS = tuple(name for name in NAMES if name not in {"transform", "unstructured"})


@dataclass(frozen=True, slots=True)
class Served:
    """A template and the server that serves it."""

    directory: Path
    server: Server

    @property
    def sample(self) -> str:
        """The request of the template."""
        return sample(self.directory).read_text("utf-8")

    @property
    def expected(self) -> Any:
        """The answer to it."""
        return expected(self.directory)


@pytest.fixture(scope="module")
def template(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """The template that the test names; the pickled one is trained first, as its README says."""
    directory = ROOT / request.param
    if request.param == PICKLED:
        directory = copy(PICKLED, tmp_path_factory.mktemp("trained"))
        train(directory)
    with serve(directory, "--max-workers", "1", env=NO_LITTER) as server:
        yield Served(directory, server)


def of(*names: str) -> pytest.MarkDecorator:
    """Run a test on these templates."""
    return pytest.mark.parametrize("template", names, indirect=True)


@of(*ROWS)
def test_sample_gets_the_expected_predictions(template: Served) -> None:
    reply = template.server.csv(template.sample)

    assert reply.status == 200, reply.text
    assert leaves(reply.json()) == about(template.expected)


@of("xgboost_binary", "lightgbm_multiclass", "sklearn_pipeline", "custom_hooks", "anomaly")
def test_columns_come_in_any_order_and_extra_ones_are_ignored(template: Served) -> None:
    rows = pd.read_csv(io.StringIO(template.sample))
    shuffled = rows[rows.columns[::-1]].assign(extra=1).to_csv(index=False)

    reply = template.server.csv(shuffled)

    assert reply.status == 200, reply.text
    assert leaves(reply.json()) == about(template.expected)


@of("custom_hooks")
def test_custom_hooks_read_json_records(template: Served) -> None:
    records = pd.read_csv(io.StringIO(template.sample)).to_json(
        orient="records", double_precision=15
    )

    reply = template.server.post("/predict/", records, "application/json")

    assert reply.status == 200, reply.text
    assert leaves(reply.json()) == about(template.expected)


@of("anomaly")
def test_anomaly_of_a_row_with_a_missing_value_is_null(template: Served) -> None:
    rows = pd.read_csv(io.StringIO(template.sample))
    rows.loc[0, "mean area"] = None

    answer = template.server.csv(rows.to_csv(index=False)).json()

    assert answer["predictions"][0] is None
    assert leaves(answer["predictions"][1:]) == about(template.expected["predictions"][1:])


@of("transform")
def test_transform_answers_the_expected_parts(template: Served) -> None:
    reply = template.server.csv(template.sample, "/transform/")

    assert reply.status == 200, reply.text
    assert leaves(parsed_parts(reply)) == about(template.expected)


@of("unstructured")
def test_unstructured_answers_the_expected_text(template: Served) -> None:
    reply = template.server.post("/predictUnstructured/", template.sample, "application/json")

    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == template.expected["content_type"]
    assert reply.text == template.expected["text"]


@of("unstructured")
def test_unstructured_reads_the_query(template: Served) -> None:
    path = "/predictUnstructured/?top=3"

    images = template.server.post(path, template.sample, "application/json").json()["images"]

    likeliest = [image[:1] for image in images]
    assert [len(image) for image in images] == [3, 3, 3]
    assert likeliest == json.loads(template.expected["text"])["images"]


@of("unstructured")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("/predictUnstructured/", "no JSON", id="no-json"),
        pytest.param("/predictUnstructured/", '{"pictures": []}', id="wrong-name"),
        pytest.param("/predictUnstructured/", '{"images": [[1, 2]]}', id="too-few-pixels"),
        pytest.param("/predictUnstructured/", f'{{"images": [{[17] * 64}]}}', id="too-dark"),
        pytest.param("/predictUnstructured/?top=0", '{"images": []}', id="top-0"),
    ],
)
def test_unstructured_refuses_what_it_cannot_read(template: Served, path: str, body: str) -> None:
    reply = template.server.post(path, body, "application/json")

    assert reply.status == 422
    assert "from " in reply.message


@of("text_generation")
def test_chat_goes_on_as_score_does(template: Served) -> None:
    answers = [chat(template, prompt).json() for prompt in prompts(template)]

    contents = [answer["choices"][0]["message"]["content"] for answer in answers]
    assert contents == template.expected["predictions"]
    assert {answer["object"] for answer in answers} == {"chat.completion"}


@of("text_generation")
def test_streamed_chat_says_the_same_word_by_word(template: Served) -> None:
    reply = chat(template, prompts(template)[1], stream=True)

    *events, done, rest = reply.text.split("\n\n")
    choices = [json.loads(event.removeprefix("data: "))["choices"][0] for event in events]
    words = [choice["delta"]["content"] for choice in choices]
    assert reply.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    assert "".join(words) == template.expected["predictions"][1]
    assert len(words) > 3
    assert choices[-1]["finish_reason"] == "stop"
    assert (done, rest) == ("data: [DONE]", "")


@of("text_generation")
def test_chat_stops_after_max_tokens(template: Served) -> None:
    answer = chat(template, prompts(template)[1], max_tokens=2).json()

    choice = answer["choices"][0]
    whole = template.expected["predictions"][1].split()
    assert choice["message"]["content"].split() == whole[:2]
    assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 2


@of("text_generation")
def test_chat_seed_changes_the_text(template: Served) -> None:
    prompt = prompts(template)[1]

    contents = {
        chat(template, prompt, seed=seed).json()["choices"][0]["message"]["content"]
        for seed in range(5)
    }

    assert len(contents) > 1


@of("text_generation")
def test_text_generation_lists_its_model(template: Served) -> None:
    answer = template.server.get("/v1/models").json()

    assert [model["id"] for model in answer["data"]] == ["bigrams"]


def test_pickled_template_without_its_pickle_exits_with_4(tmp_path: Path) -> None:
    directory = copy(PICKLED, tmp_path)

    ended = start_failure(directory, env=NO_LITTER)

    assert ended.returncode == 4, ended.stderr


def chat(template: Served, prompt: str, **parameters: object) -> Reply:
    """Ask the chat route to go on with a prompt."""
    message = {"role": "user", "content": prompt}
    body = {"model": "bigrams", "messages": [message], **parameters}
    path = "/v1/chat/completions"
    return template.server.post(path, json.dumps(body), "application/json")


def prompts(template: Served) -> list[str]:
    """Return the prompts of the sample."""
    return list(pd.read_csv(io.StringIO(template.sample))["prompt"])


def parsed_parts(reply: Reply) -> list[dict[str, Any]]:
    """Return the two parts of a transformation in the form of expected.json."""
    (format_head, format_), (table_head, table) = received_parts(reply)
    rows = pd.read_csv(io.BytesIO(table))
    values = {"columns": list(rows.columns), "rows": rows.to_numpy().tolist()}
    return [
        {"name": part_name(format_head), "text": format_.decode()},
        {"name": part_name(table_head), **values},
    ]


def part_name(head: str) -> str:
    """Return the name in the headers of a part."""
    return head.split('name="', 1)[1].partition('"')[0]

"""The gate's answers keep to the form that their calls asked for, as the model server's do."""

import json
from pathlib import Path

import pytest

from schemas.inference import Message
from tests.fixtures.tiny_model import make_tiny_adapter
from training.judging.texts.generation import Question, Writers

pytestmark = [pytest.mark.model, pytest.mark.filterwarnings("ignore")]

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"severity": {"enum": ["low", "high"]}, "count": {"type": "integer", "maximum": 9, "minimum": 0}},
        "required": ["severity", "count"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def writers(tiny_writer: Path, tmp_path_factory: pytest.TempPathFactory) -> Writers:
    return Writers(tiny_writer, make_tiny_adapter(tiny_writer, tmp_path_factory.mktemp("candidate"), seed=1), None)


def asked(text: str, schema: str = "") -> Question:
    return Question((Message(role="user", content=text),), schema=schema)


def test_an_answer_keeps_to_its_calls_schema_and_its_neighbour_in_the_batch_stays_free(writers: Writers) -> None:
    mixed = writers.write([asked("soup", SCHEMA), asked("soup"), asked("soup", SCHEMA)], most_tokens=80)
    free = writers.write([asked("soup")] * 3, most_tokens=80)
    for who in ("candidate", "incumbent"):
        held, alone, again = (answer.text for answer in mixed[who].answers)
        assert json.loads(held).keys() == {"severity", "count"}
        assert (again, alone) == (held, free[who].answers[1].text)
        with pytest.raises(ValueError, match=r"line 1 column"):
            json.loads(alone)


def test_a_form_that_cannot_be_kept_to_leaves_the_answer_free(writers: Writers) -> None:
    odd = json.dumps({"type": "string", "pattern": "("})
    found = writers.write([asked("soup", odd), asked("soup")], most_tokens=20)["candidate"].answers
    assert found[0].text == found[1].text

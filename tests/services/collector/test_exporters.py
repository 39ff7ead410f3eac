"""What the real exporters wrote once (`make test-exporters` runs them): every field that they tell is stored."""

import json

import pytest

from tests.exporters.told import TELLING, assert_told
from tests.exporters.wire import as_protobuf, export_of
from tests.services.collector.conftest import Start
from tests.services.collector.test_grpc import export as export_over_grpc
from tests.services.collector.test_traces import export


@pytest.mark.parametrize("name", TELLING)
@pytest.mark.parametrize("door", ["json", "protobuf", "grpc"])
def test_what_an_exporter_tells_of_a_call_is_stored(start: Start, name: str, door: str) -> None:
    collector = start(over_grpc=True)
    told = export_of(name)
    if door == "grpc":
        export_over_grpc(collector, as_protobuf(told))
    elif door == "protobuf":
        export(collector, as_protobuf(told), "application/x-protobuf")
    else:
        export(collector, json.dumps(told).encode())
    assert_told(collector.records(), TELLING[name])

import json

import pytest
from msgspec.structs import replace

from schemas.metrics import METRIC_BY_NAME
from services.parts.notices.drill import METRIC, drill, is_drill
from services.parts.notices.payload import console_line, webhook_body
from tests.services.alerting.builders import START, WEBHOOK, alert

FIRING, RESOLVED = drill(WEBHOOK, "guard", drill_id="d-1", at=START)


def test_a_drill_says_in_its_labels_and_its_text_that_it_is_one() -> None:
    (one,) = json.loads(webhook_body([FIRING], "on-call", ""))["alerts"]
    assert (one["labels"]["test"], one["labels"]["alertname"]) == ("true", "driftloop-test")
    assert one["annotations"]["summary"].startswith("TEST")
    assert console_line(FIRING).startswith("TEST ALERT firing [warning] on guard: TEST")


def test_a_real_alert_bears_no_mark_and_no_monitor_can_watch_what_a_drill_names() -> None:
    assert not is_drill(alert())
    assert "test" not in json.loads(webhook_body([alert()], "on-call", ""))["alerts"][0]["labels"]
    assert METRIC not in METRIC_BY_NAME


def test_its_resolution_closes_what_it_opened() -> None:
    firing, resolved = (json.loads(webhook_body([made], "on-call", ""))["alerts"][0] for made in (FIRING, RESOLVED))
    assert (firing["status"], resolved["status"]) == ("firing", "resolved")
    assert firing["fingerprint"] == resolved["fingerprint"]


def test_it_is_as_mild_as_its_subscription_hears() -> None:
    pages = replace(WEBHOOK, severities=("critical",))
    assert drill(pages, "guard", drill_id="d-1", at=START)[0].severity == "critical"
    with pytest.raises(ValueError, match="hears of nothing"):
        drill(replace(WEBHOOK, severities=()), "guard", drill_id="d-1", at=START)

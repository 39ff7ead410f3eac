import pytest

from schemas.codec import from_unix_ms
from schemas.configuration_parser import parse_configuration
from stream_processors.replay.span import BadSpan, Span, asked_for, instant, span_of

# Windows close 3 s after they begin, so 6 s and 6 s of detectors settle them with 2 s of patience each.
CONFIGURATION = parse_configuration("""
apps: [{name: guard, base_model: tiny}]
windows: {length: 1s, lateness: 1500ms, join_horizon: 10s}
drift: {window: 5s}
monitors: [{name: slow, app: guard, metric: error.ratio, window: 3s, above: 0.5, for: 1}]
""")
NOW = 1_800_000_000_000
SETTLED = NOW - 16_000
MINUTE = 60_000


def span(
    since: str = "", until: str = "", warm_up: str = "", *, begins: int = NOW - 60 * MINUTE, whole: bool = True
) -> Span:
    texts = {"--from": since, "--to": until, "--warm-up": warm_up}
    return span_of(asked_for(texts, CONFIGURATION, NOW), CONFIGURATION, begins=begins, whole=whole)


def test_without_options_everything_that_is_settled_is_replayed() -> None:
    assert span() == Span(NOW - 60 * MINUTE, NOW - 60 * MINUTE, SETTLED, NOW)


def test_the_log_is_read_from_its_beginning_unless_a_warm_up_is_named() -> None:
    assert span("30m", "20m") == Span(NOW - 60 * MINUTE, NOW - 30 * MINUTE, NOW - 20 * MINUTE, NOW - 15 * MINUTE)
    assert span("30m", "20m", "5m").start == NOW - 35 * MINUTE
    assert span("59m", "20m", "5m").start == NOW - 60 * MINUTE


def test_a_log_that_has_lost_its_beginning_answers_once_windows_and_joins_are_whole() -> None:
    begins = NOW - 60 * MINUTE
    assert span(whole=False).since == begins + 23_000
    with pytest.raises(BadSpan, match="the log begins at"):
        span(from_unix_ms(begins + 22_999).isoformat(), whole=False)


def test_times_are_iso_in_utc_or_how_long_ago() -> None:
    for text in ("2027-01-15T08:00:00Z", "2027-01-15T08:00:00", "2027-01-15T09:00:00+01:00"):
        assert instant(text, "--from", 0) == NOW
    assert instant("90s", "--from", NOW) == NOW - 90_000


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("noon",), "--from: neither a time"),
        (("", "noon"), "--to: neither a time"),
        (("", "15s"), "may not be concluded yet"),
        (("20m", "30m"), "nothing lies between"),
        (("", "2h"), "the log has nothing between"),
        (("", "", "5m"), "--warm-up goes before --from"),
        (("30m", "20m", "a while"), "--warm-up: not a duration"),
        (("30m", "20m", "22s"), "--warm-up: windows, joins and monitors need 23s"),
    ],
)
def test_what_cannot_be_replayed_is_said_in_a_line(options: tuple[str, ...], line: str) -> None:
    with pytest.raises(BadSpan, match=line) as caught:
        span(*options)
    assert "\n" not in str(caught.value)

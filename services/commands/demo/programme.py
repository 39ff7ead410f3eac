"""The demonstrations there are, by the name that `driftloop demo --app` takes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from services.commands.demo.scenario import Scenario
from services.commands.demo.smollm2 import packaged_scenario
from services.commands.demo.triage.scenario import triage_scenario

_HERE = Path(__file__).parent


class NoSuchPlay(ValueError):
    """There is no demonstration of that name, or it knows no such feedback."""


@dataclass(frozen=True, slots=True)
class Play:
    """A demonstration.

    Attributes:
        configuration: Of its deployment.
        scenarios: By the feedback that its users give; the first is the default.
    """

    configuration: Path
    scenarios: Mapping[str, Callable[[], Scenario]]

    def scenario(self, feedback: str = "") -> Scenario:
        """Return what is played.

        Raises:
            NoSuchPlay: Its users give no such feedback.
        """
        wanted = feedback or next(iter(self.scenarios))
        if wanted not in self.scenarios:
            raise NoSuchPlay(f"--feedback {wanted}: here users give {' or '.join(self.scenarios)}")
        return self.scenarios[wanted]()


PLAYS: Mapping[str, Play] = {
    "prompt-guard": Play(_HERE / "driftloop.yaml", {"labels": packaged_scenario}),
    "triage": Play(
        _HERE / "triage" / "triage.yaml",
        {"corrections": triage_scenario, "thumbs": partial(triage_scenario, thumbs=True)},
    ),
}


def play_named(app: str) -> Play:
    """Return a demonstration by the name of its app.

    Raises:
        NoSuchPlay: There is none.
    """
    if app not in PLAYS:
        raise NoSuchPlay(f"--app {app}: there are {' and '.join(PLAYS)}")
    return PLAYS[app]

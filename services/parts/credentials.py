"""What an app's upstream is told of who calls: its key and further headers, from configuration and environment."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.configuration import App
from schemas.configuration_parser import BadConfiguration


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """What an app's upstream is told in place of, or beside, what the client says of itself.

    Attributes:
        key: Replaces the client's own key; empty passes that on.
        headers: Set on every call, over the client's.
    """

    key: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The headers that carry credentials of the app's own."""
        told = ("authorization", "api-key") if self.key else ()
        return frozenset((*told, *(name for name, _ in self.headers)))

    @property
    def as_headers(self) -> dict[str, str]:
        """What a call of our own carries."""
        return {**with_key(self.key), **dict(self.headers)}


def with_key(key: str) -> dict[str, str]:
    """Return the headers that tell a key, none without one."""
    return {"authorization": f"Bearer {key}"} if key else {}


def credentials_of(app: App, environment: Mapping[str, str]) -> Credentials:
    """Return an app's credentials.

    Raises:
        BadConfiguration: The variable of its key is not set, or a value is no header's value.
    """
    key = environment.get(app.upstream_key_env, "").strip()
    if app.upstream_key_env and not key:
        raise BadConfiguration(f"apps: {app.name}: the environment variable {app.upstream_key_env} is not set")
    headers = tuple((name.lower(), value) for name, value in app.upstream_headers.items())
    for name, value in (*headers, ("upstream_key_env", key)):
        if not (name + value).isprintable():
            raise BadConfiguration(f"apps: {app.name}: the value of {name} can't stand in a header")
    return Credentials(key, headers)

"""What the upstreams of a new configuration say of themselves, told a line each, and what follows from it."""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from services.commands.init.judging import expanded
from services.commands.upstream import Dialect, Loading, Upstream, UpstreamSilent, look_at
from services.parts.addresses import shown
from services.parts.credentials import with_key

_PATIENCE_S = 5.0
_AT_ONCE = 8
_OWN = "driftloop's own model server loads them"
_LOADING = {
    "yes": "adapters seem to be loadable at runtime",
    "no": "adapters can't be loaded at runtime",
    "unknown": "whether adapters can be loaded at runtime is unknown",
}


class Acquaintance:
    """The upstreams that were asked, those that did not answer among them.

    Args:
        urls: Base URLs.
        key: What they want to be told, if they do.

    Attributes:
        urls: Their base URLs as the configuration has them.
        bases: Models that every upstream serves that lists any, in the first one's order.
        silent: Whether some did not answer.
    """

    def __init__(self, urls: Sequence[str], key: str = "") -> None:
        self.urls = tuple(urls)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            self._seen = tuple(pool.map(partial(_seen, key), self.urls))
        listed = [one.bases for one in self._seen if isinstance(one, Upstream) and one.models is not None]
        self.bases = tuple(base for base in listed[0] if all(base in other for other in listed)) if listed else ()
        self.silent = any(isinstance(one, str) for one in self._seen)

    def tell(self) -> None:
        """Print a line for each; those of silent ones go to standard error."""
        for url, one in zip(self.urls, self._seen, strict=True):
            if isinstance(one, str):
                print(
                    f"{shown(url)}: could not be asked: {one}; once it is up, `driftloop check --probe`",
                    file=sys.stderr,
                )
            else:
                print(f"{shown(url)}: {_models(one)}; {_LOADING[one.loading]}: {one.why}")

    def check(self, base_model: str) -> None:
        """Warn of each upstream that lists other models than the chosen one."""
        for url, one in zip(self.urls, self._seen, strict=True):
            if isinstance(one, Upstream) and one.models is not None and base_model not in one.models:
                print(f"{shown(url)}: does not serve {base_model!r}, so it will refuse calls", file=sys.stderr)

    @property
    def dialect(self) -> Dialect:
        """How all upstreams are told a constraint; empty when one does not say, or another than the others."""
        dialects = {one.dialect if isinstance(one, Upstream) else "" for one in self._seen}
        return dialects.pop() if len(dialects) == 1 else ""

    @property
    def loading(self) -> tuple[Loading, str]:
        """Whether adapters can be loaded, and what that is concluded from: every upstream must be able to."""
        if not self.urls:
            return "yes", _OWN
        if self.silent:
            return "unknown", "an upstream could not be asked"
        seen = [one for one in self._seen if isinstance(one, Upstream)]
        worst = min(seen, key=lambda one: ("no", "unknown", "yes").index(one.loading))
        return worst.loading, worst.why


def _seen(key: str, url: str) -> Upstream | str:
    try:
        return look_at(expanded(url), _PATIENCE_S, with_key(key))
    except UpstreamSilent as error:
        return str(error)


def _models(one: Upstream) -> str:
    if one.models is not None:
        return f"serves {', '.join(one.bases) or 'no base model'}"
    if one.wants_a_key:
        return f"lists its models to those with a key only ({one.listing}; see --upstream-key-env)"
    return f"does not list its models ({one.listing})"

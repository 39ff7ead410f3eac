"""A real Alertmanager: Debian's package, unpacked beside the environment and not installed; no root, no service."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.fixtures.ports import free_port
from tests.fixtures.waiting import PATIENCE_S, until

_PACKAGE = "prometheus-alertmanager"
_UNPACKED = Path(sys.prefix) / "share" / _PACKAGE
# The package looks for its templates where it would be installed: a file system of its own has them there.
_IN_PLACE = """
mount -t tmpfs none /usr/share && mkdir -p /usr/share/prometheus
cp -r {unpacked}/usr/share/prometheus/* /usr/share/prometheus && exec "$0" "$@"
"""


def command() -> list[str] | None:
    """Return what starts Alertmanager, fetched once; None where it can't be had, or not be started."""
    program = _UNPACKED / "usr" / "bin" / _PACKAGE
    if not program.exists():
        _UNPACKED.mkdir(parents=True, exist_ok=True)
        for fetch in (["apt-get", "update", "-qq"], ["apt-get", "download", "-qq", _PACKAGE]):
            subprocess.run(fetch, cwd=_UNPACKED, check=False, capture_output=True)
        for package in _UNPACKED.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, _UNPACKED], check=True)
    in_place = ["unshare", "--map-root-user", "--mount", "sh", "-c", _IN_PLACE.format(unpacked=_UNPACKED), str(program)]
    try:
        answered = subprocess.run([*in_place, "--version"], check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return None
    return in_place if answered else None


@contextmanager
def running(start: list[str], folder: Path) -> Iterator[str]:
    """Run it on ports of its own, and yield its base URL once it is ready."""
    port = free_port()
    (folder / "alertmanager.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    arguments = [
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    ]
    with subprocess.Popen([*start, *arguments]) as process:
        try:
            url = f"http://127.0.0.1:{port}"
            until(lambda: process.poll() is not None or _ready(url))
            assert process.poll() is None
            yield url
        finally:
            process.terminate()
            process.wait(PATIENCE_S)


def _ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/-/ready", timeout=5).is_success
    except httpx.TransportError:
        return False

"""python -m services.embedded.kafka.fetching COORDINATES FOLDER: a Maven artifact and all it needs into FOLDER/jars.

A process of its own, because the resolver reads JAVA_HOME and takes long to import. DRIFTLOOP_MAVEN_URL names a
repository to ask in place of Maven Central.
"""

import os
import shutil
import sys
from pathlib import Path

from jgo.env import EnvironmentBuilder
from jgo.maven import MavenContext

REPOSITORY_VARIABLE = "DRIFTLOOP_MAVEN_URL"

_ANSWER_WITHIN_S = 60


def main() -> None:
    """Fetch; a failure ends it with its last line and status 1."""
    coordinates, folder = sys.argv[1], Path(sys.argv[2])
    try:
        fetch(coordinates, folder, os.environ.get(REPOSITORY_VARIABLE))
    except Exception as error:  # noqa: BLE001  # whatever the resolver raises is one line for the caller
        print(f"{type(error).__name__}: {' '.join(str(error).split())[:200]}", file=sys.stderr)
        sys.exit(1)


def fetch(coordinates: str, folder: Path, repository: str | None) -> None:
    """Resolve coordinates, joined by +, and move all jars into `folder`/jars."""
    repositories = {"configured": repository} if repository else None
    context = MavenContext(repo_cache=folder / "repository", remote_repos=repositories, timeout=_ANSWER_WITHIN_S)
    resolved = EnvironmentBuilder(context=context, cache_dir=folder / "resolved").from_endpoint(coordinates)
    (folder / "jars").mkdir()
    for jar in resolved.all_jars:
        shutil.copyfile(jar, folder / "jars" / Path(jar).name)


if __name__ == "__main__":
    main()

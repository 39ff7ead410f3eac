"""`driftloop init`: its words."""

from pathlib import Path
from typing import Annotated

import typer

App = Annotated[str | None, typer.Option("--app", metavar="NAME", help="What clients send as `model`. Required.")]
Upstream = Annotated[
    list[str] | None,
    typer.Option("--upstream", metavar="URL", help="Base URL of your model server; repeat it for each replica."),
]
UpstreamKey = Annotated[
    str | None,
    typer.Option("--upstream-key-env", metavar="NAME", help="Environment variable with its key, if it wants one."),
]
BaseModel = Annotated[
    str | None,
    typer.Option("--base-model", metavar="NAME", help="What it calls the base. Required unless it serves just one."),
]
Label = Annotated[
    list[str] | None,
    typer.Option("--label", metavar="TEXT", help="An answer that feedback may name as right; repeat it for each."),
]
Errors = Annotated[
    str | None, typer.Option("--max-error-ratio", metavar="RATIO", help="Alert above it. Default: 0.05.")
]
Latency = Annotated[
    str | None, typer.Option("--max-latency-ms", metavar="MS", help="Alert when p95 is above it. Default: not watched.")
]
Accuracy = Annotated[str | None, typer.Option("--min-accuracy", metavar="RATIO", help="Alert below it. Default: 0.85.")]
Channel = Annotated[
    str | None, typer.Option("--channel", metavar="webhook|console", help="Where alerts go. Default: console.")
]
Url = Annotated[str | None, typer.Option("--url", metavar="URL", help="Where a webhook posts; may hold ${NAME}.")]
Secret = Annotated[
    str | None, typer.Option("--secret-env", metavar="NAME", help="Environment variable with its signing secret.")
]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Default: DRIFTLOOP_CONFIG, driftloop.yaml.")
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")]


def init(  # noqa: PLR0913  # a flag for everything
    app: App = None,
    upstream: Upstream = None,
    upstream_key_env: UpstreamKey = None,
    base_model: BaseModel = None,
    label: Label = None,
    max_error_ratio: Errors = None,
    max_latency_ms: Latency = None,
    min_accuracy: Accuracy = None,
    channel: Channel = None,
    url: Url = None,
    secret_env: Secret = None,
    output: Output = None,
    force: Force = False,
) -> None:
    """Write a commented driftloop.yaml for your app and your model server.

    On a terminal it asks for what no flag says. It asks each upstream for its models, and whether adapters can be
    loaded at runtime; retraining and rollout are written out if so, and left out with the reason if not. An upstream
    that does not answer is named in a line, and the file is written all the same.

    Examples:

        driftloop init
        driftloop init --app support-bot --upstream http://vllm-1:8000 --upstream http://vllm-2:8000
        driftloop init --app guard --base-model SmolLM2-135M-Instruct --label safe --label unsafe

    Exit codes: 0 the file is written and passes `driftloop check`; 1 you stopped at a question; 2 a flag is missing or
    wrong (the line names it), or the file is there already.
    """
    from services.commands.init.command import Flags, write_configuration

    flags = Flags(
        app=app,
        base_model=base_model,
        upstreams=tuple(upstream or ()),
        upstream_key_env=upstream_key_env,
        labels=tuple(label or ()),
        max_error_ratio=max_error_ratio,
        max_latency_ms=max_latency_ms,
        min_accuracy=min_accuracy,
        channel=channel,
        url=url,
        secret_env=secret_env,
    )
    write_configuration(flags, output, force=force)

"""`driftloop keys`: the words, and what can go wrong in one line each."""

from typing import Annotated

import typer

from services.commands.outcome import settings_or_fail

keys = typer.Typer(no_args_is_help=True, help="Say who may come in: make, list and revoke API keys.")

App = Annotated[str, typer.Option("--app", metavar="NAME", help="The only app that it is for.")]
AllApps = Annotated[bool, typer.Option("--all-apps", help="It is for every app, those to come too.")]
Tenant = Annotated[
    str, typer.Option("--tenant", metavar="NAME", help="All that comes in by it is this tenant's, whatever it says.")
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="Of infer, ingest, feedback, operate, read; repeat it, or separate them by commas. "
        "Default: infer,feedback.",
    ),
]
Expires = Annotated[
    str, typer.Option("--expires", metavar="WHEN", help="After 90d or 12h, or at an ISO date or time, UTC.")
]
Requests = Annotated[str, typer.Option("--requests-per-minute", metavar="N", help="In any 60 seconds, at one process.")]
Tokens = Annotated[str, typer.Option("--tokens-per-month", metavar="N", help="Read and written ones, of UTC's month.")]
Usd = Annotated[str, typer.Option("--usd-per-month", metavar="USD", help="By the app's `price`, of UTC's month.")]
Name = Annotated[str, typer.Option("--name", metavar="TEXT", help="Who has it or what it is for, for the list.")]


@keys.command("create")
def keys_create(  # noqa: PLR0913  # a flag for everything
    app: App = "",
    all_apps: AllApps = False,
    tenant: Tenant = "",
    scope: Scopes = None,
    expires: Expires = "",
    requests_per_minute: Requests = "",
    tokens_per_month: Tokens = "",
    usd_per_month: Usd = "",
    name: Name = "",
) -> None:
    """Make a key and print its secret, once: it is stored as a hash and can't be shown again.

    The secret alone goes to standard output, so that a variable can take it: `KEY=$(driftloop keys create ...)`; what
    there is to say of it goes to standard error. Running processes take it within two seconds.

    Scopes: *infer* calls models, *feedback* judges answers, *ingest* sends events and traces to the collector,
    *operate* orders rollouts, *read* sees /metrics.

    Examples:

        driftloop keys create --app guard
        driftloop keys create --app guard --tenant acme --expires 90d --requests-per-minute 600 --usd-per-month 50
        driftloop keys create --scope ingest --name "otel agent"
        driftloop keys create --scope operate,read --name ci

    Exit codes: 0 the key is made; 1 the configuration has no such app; 2 an option or a setting is wrong, or the
    control store can't be used.
    """
    from services.commands.keys.making import Wish, make_key

    wish = Wish(
        app=app,
        all_apps=all_apps,
        tenant=tenant,
        scopes=tuple(scope or ("infer,feedback",)),
        expires=expires,
        requests_per_minute=requests_per_minute,
        tokens_per_month=tokens_per_month,
        usd_per_month=usd_per_month,
        name=name,
    )
    make_key(settings_or_fail(), wish)


@keys.command("list")
def keys_list(as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False) -> None:
    """List all keys, the newest last: what each is for, its limits, what it has used this month; never a secret.

    Examples:

        driftloop keys list
        driftloop keys list --json

    Exit codes: 0 done; 2 a setting is wrong, or the control store can't be used.
    """
    from services.commands.keys.listing import list_keys

    list_keys(settings_or_fail(), as_json=as_json)


@keys.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `driftloop keys list` shows it.")],
) -> None:
    """Close a key for good. Running processes refuse it within two seconds.

    Example:

        driftloop keys revoke q7h2m0x4kd

    Exit codes: 0 it is revoked, now or before; 1 there is no such key; 2 a setting is wrong, or the control store can't
    be used.
    """
    from services.commands.keys.listing import revoke_key

    revoke_key(settings_or_fail(), key_id)

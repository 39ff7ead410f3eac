"""`driftloop retrain`, `rollout`, `approve`, `rollback` and `adapters`: orders to the control process.

Where control asks for a key, DRIFTLOOP_KEY holds one of scope operate.
"""

import json
import os
from pathlib import Path
from typing import Annotated

import typer

from services.commands.outcome import UNUSABLE, WRONG, fail, settings_or_fail, who

rollout = typer.Typer(no_args_is_help=True, help="Order a version out to users, or back.")
adapters = typer.Typer(no_args_is_help=True, help="Bring adapters that were trained elsewhere to the gate.")

BASE = "base"
AppName = Annotated[str, typer.Argument(metavar="APP", help="Name of the app in driftloop.yaml.")]
Version = Annotated[str, typer.Argument(metavar="VERSION", help="Adapter version, e.g. prompt-guard-v2.")]
By = Annotated[str, typer.Option("--by", help="Who orders it; recorded. Default: your user name.")]
Why = Annotated[str, typer.Option("--reason", help="Why; recorded.")]
Reason = Annotated[str, typer.Option("--reason", help="Why; recorded.")]


@rollout.command("start")
def rollout_start(
    app_name: AppName,
    version: Version,
    override_gate: Annotated[
        bool, typer.Option("--override-gate", help="Let a version through that the gate refused. Recorded for ever.")
    ] = False,
    by: By = "",
    reason: Reason = "",
) -> None:
    """Roll a version out: shadow, canary steps, promotion; the canary judge still watches.

    Examples:

        driftloop rollout start prompt-guard prompt-guard-v2
        driftloop rollout start prompt-guard prompt-guard-v3 --override-gate --reason "a drill"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    if override_gate and not reason:
        fail("--override-gate needs a --reason", UNUSABLE)
    _order_rollout(app_name, version, "start", {"override_gate": override_gate, "ordered_by": by, "reason": reason})


@rollout.command("roll-back")
def rollout_roll_back(app_name: AppName, version: Version, by: By = "", reason: Reason = "") -> None:
    """Take a version back; the stable version before it answers everyone again.

    Example:

        driftloop rollout roll-back prompt-guard prompt-guard-v2 --reason "users complain"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    _order_rollout(app_name, version, "roll_back", {"override_gate": False, "ordered_by": by, "reason": reason})


@rollout.command("promote")
def rollout_promote(app_name: AppName, version: Version, by: By = "", reason: Reason = "") -> None:
    """Let a version that waits in shadow answer everyone; for the strategy `shadow-only`.

    Example:

        driftloop rollout promote triage triage-v2 --reason "read fifty of its answers"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    _order_rollout(app_name, version, "promote", {"override_gate": False, "ordered_by": by, "reason": reason})


def retrain(app_name: AppName, by: By = "", reason: Reason = "") -> None:
    """Order a new version from what people have said of the app's answers; `driftloop status` tells how far it is.

    It waits up to ten minutes for the feedback that the app's training policy wants (`min_rows`), and never runs
    beside another retraining of the app.

    Example:

        driftloop retrain triage --reason "250 corrected answers"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    _order("/v1/retrainings", {"app": app_name, "requested_by": by or who(), "reason": reason})


def rollback(
    app_name: AppName,
    reason: Annotated[str, typer.Option("--reason", help="Why; recorded.")],
    back_to: Annotated[
        str, typer.Option("--to", metavar="VERSION", help="One that served before, or `base`. Default: the last.")
    ] = "",
    by: By = "",
) -> None:
    """Serve a version that served before, whatever serves now; a rollout under way ends.

    It answers as soon as every replica holds it: at once where it is loaded, as the one before always is. An order that
    makes no sense is refused by the rollout process, with its reason, on the page Training & rollouts.

    Examples:

        driftloop rollback triage --reason "it invents order numbers"
        driftloop rollback triage --to triage-v3 --reason "the last good one"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    order = {"app": app_name, "action": "roll_back", "ordered_by": by or who(), "reason": reason}
    _order("/v1/rollouts", {**order, **({"back_to": "" if back_to == BASE else back_to} if back_to else {})})


def approve(app_name: AppName, version: Version, reason: Why, by: By = "") -> None:
    """Approve a version that passed the gate and waits for a person; its rollout begins.

    Its page `gate.html` stands beside the version's files in the artifact store.

    Example:

        driftloop approve triage triage-v2 --reason "read the answers that it lost"

    Exit codes: 0 the approval is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    _decide(app_name, version, "approve", by, reason)


def refuse(app_name: AppName, version: Version, reason: Why, by: By = "") -> None:
    """Refuse a version that passed the gate and waits for a person; it does not go out.

    Example:

        driftloop refuse triage triage-v2 --reason "it invents order numbers"

    Exit codes: 0 the refusal is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    _decide(app_name, version, "refuse", by, reason)


def _decide(app_name: str, version: str, decision: str, by: str, reason: str) -> None:
    order = {"app": app_name, "adapter_version": version, "decision": decision, "reason": reason}
    _order("/v1/approvals", {**order, "decided_by": by or who()})


@adapters.command("propose")
def adapters_propose(
    app_name: AppName,
    folder: Annotated[Path, typer.Argument(help="Folder in PEFT format.", exists=True, file_okay=False)],
    by: By = "",
    reason: Reason = "",
) -> None:
    """Propose an adapter trained elsewhere: it meets the same gate as one trained here.

    Example:

        driftloop adapters propose prompt-guard ./my-adapter --reason "trained on the support tickets"

    Exit codes: 0 the order is taken, and printed; 1 control refuses it; 2 control does not answer, or an option is
    wrong.
    """
    uri = str(folder.absolute())
    _order("/v1/proposals", {"app": app_name, "artifact_uri": uri, "proposed_by": by or who(), "reason": reason})


def _order_rollout(app_name: str, version: str, action: str, order: dict[str, object]) -> None:
    order = {"app": app_name, "adapter_version": version, "action": action, **order}
    _order("/v1/rollouts", {**order, "ordered_by": order["ordered_by"] or who()})


def _order(path: str, order: dict[str, object]) -> None:
    """Post an order to the control process and print what it answers."""
    import httpx

    from services.parts.certificates import BadCertificate, own_trust

    settings = settings_or_fail()
    url = settings.url("control") + path
    try:
        trust = own_trust(settings, "control")
        answer = httpx.post(url, json=order, headers=_key(), timeout=30, trust_env=False, verify=trust)
    except BadCertificate as error:
        fail(str(error), UNUSABLE)
    except httpx.HTTPError:
        fail(f"control does not answer at {url}; is the stack up? See `driftloop status`", UNUSABLE)
    if answer.status_code in (401, 403):
        fail(f"control refused ({answer.status_code}): DRIFTLOOP_KEY holds no key of scope operate for it", WRONG)
    if answer.is_error:
        fail(f"control refused ({answer.status_code}): {answer.text.strip()}", WRONG)
    print(json.dumps(answer.json()))


def _key() -> dict[str, str]:
    key = os.environ.get("DRIFTLOOP_KEY", "").strip()
    return {"authorization": f"Bearer {key}"} if key else {}

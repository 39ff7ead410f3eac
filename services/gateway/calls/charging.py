"""What a call has used, charged to the key by which it came in."""

from services.gateway.recording.events import Call, Outcome
from services.parts.access.admitted import charge_nobody


def charge(call: Call, outcome: Outcome, cost_usd: float | None) -> None:
    """Charge a call as it ends: what its upstream counted, at what that cost; no USD where the cost is unknown.

    An upstream that tells no usage, and a client that leaves before it is told, are charged nothing.
    """
    if call.caller.charge is not charge_nobody:
        usage = outcome.answer.usage
        call.caller.charge(usage.input_tokens + usage.output_tokens, cost_usd or 0.0)

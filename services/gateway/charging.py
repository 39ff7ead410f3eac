"""What a call has used, charged to the key by which it came in."""

from schemas.inference import Usage
from services.gateway.events import Call, cost_usd
from services.parts.access.admitted import charge_nobody


def charge(call: Call, usage: Usage) -> None:
    """Charge a call as it ends: what its upstream counted, at the prices in force.

    An upstream that tells no usage, and a client that leaves before it is told, are charged nothing.
    """
    if call.caller.charge is not charge_nobody:
        call.caller.charge(usage.input_tokens + usage.output_tokens, cost_usd(usage, call.app.price))

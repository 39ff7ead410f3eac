"""`driftloop check --probe`: one line for each probe."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.configuration import Configuration
from schemas.settings import Settings
from services.commands.probing.backing import backing_probes
from services.commands.probing.probe import side_by_side
from services.commands.probing.subscriptions import subscription_probes
from services.commands.probing.upstreams import upstream_probes


def run_probes(configuration: Configuration, settings: Settings, deadline_s: float) -> bool:
    """Print a line for each thing that the configuration and the settings name; return whether nothing is wrong."""
    probes = [
        *upstream_probes(configuration, settings, deadline_s),
        *backing_probes(settings, deadline_s),
        *subscription_probes(configuration, settings, deadline_s),
    ]
    width = max(len(probe.what) for probe in probes)
    well = True
    with _libraries_silent():
        for probe, finding in side_by_side(probes, deadline_s):
            print(f"{finding.mark:<5}  {probe.what:<{width}}  {probe.where}: {finding.said}", flush=True)
            well = well and finding.mark != "wrong"
    return well


@contextmanager
def _libraries_silent() -> Iterator[None]:
    """Each failure is told in its line."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)

"""Prints a summary for people."""

from rich.console import Console
from rich.table import Table

from schemas.learning import Accuracy
from services.commands.demo.summary import Summary


def show(summary: Summary, console: Console, *, metric: str = "accuracy") -> None:
    """Print what came out, the slices that got worse included, the app's metric called `metric`."""
    console.rule("[bold]Summary", align="left")
    console.print(_slices(summary, metric))
    console.print(_times(summary))
    events, rollback = summary.events, summary.rollback
    console.print(
        f"  events: {events.sent} sent = {events.stored} stored + {events.dead_lettered} dead-lettered, "
        f"{events.lost} lost; {events.failed_calls} calls failed"
    )
    console.print(f"  recovered: {summary.accuracy.recovered_share:.0%} of the {metric} lost to the shift")
    console.print(f"  worse under the fix: {', '.join(summary.accuracy.worse) or 'no slice'}")
    console.print(
        f"  {rollback.version}: gate refused it; forced, it got {rollback.peak_share:.0%} of users at most "
        f"({rollback.answered} calls) and was taken back after {rollback.seconds:.0f} s"
    )
    console.print(f"  alerts before the shift: {summary.false_alarms}")
    console.print(f"  {summary.duration_s:.0f} s, {summary.peak_rss_mb:.0f} MB at most, {summary.machine}")
    for failure in summary.failures:
        console.print(f"  [red]missed:[/] {failure}")
    console.print("  [bold green]every act met its bar[/]" if summary.passed else "  [bold red]a bar was missed[/]")


def _slices(summary: Summary, metric: str) -> Table:
    title = f"{metric[0].upper()}{metric[1:]}, with Wilson 95 % intervals"
    table = Table("held-out prompts", "n", "version 1", "fix", title=title, title_justify="left")
    accuracy = summary.accuracy
    table.add_row("earlier traffic", *_row(accuracy.baseline, accuracy.earlier_after_fix), style="bold")
    table.add_row("shifted traffic", *_row(accuracy.after_shift, accuracy.after_fix), style="bold")
    for name, both in accuracy.slices.items():
        table.add_row(f"  {name}", *_row(both["before"], both["after"]))
    return table


def _row(before: Accuracy, after: Accuracy) -> tuple[str, str, str]:
    return str(before.count), _interval(before), _interval(after)


def _interval(accuracy: Accuracy) -> str:
    return f"{accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})"


def _times(summary: Summary) -> Table:
    table = Table("from", "to", "seconds", title="From breach to served fix", title_justify="left")
    times = summary.times
    rows = (
        ("shift", "drift detected", times.shift_to_drift_detected),
        ("shift", "accuracy breached", times.shift_to_breach),
        ("breach", "alert delivered", times.breach_to_alert_delivered),
        ("alert", "training started", times.alert_to_training_started),
        ("", "training", times.training),
        ("", "gate", times.gate),
        ("version trained", "promoted", times.rollout),
        ("breach", "fix served", times.breach_to_fix_served),
    )
    for start, end, seconds in rows:
        table.add_row(start, end, "not seen" if seconds is None else f"{seconds:.1f}")
    return table

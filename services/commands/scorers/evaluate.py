"""`driftloop scorers evaluate`: its words."""

from pathlib import Path
from typing import Annotated

import typer

from services.commands.outcome import settings_or_fail

Data = Annotated[
    Path | None, typer.Option("--data", metavar="FILE", help="Your labelled .csv, .tsv, .jsonl, .json or .parquet.")
]
Recorded = Annotated[
    str, typer.Option("--recorded", metavar="APP", help="Your app's recorded calls that have feedback.")
]
Since = Annotated[str, typer.Option("--since", metavar="DURATION", help="With --recorded: how far back.")]
Names = Annotated[list[str] | None, typer.Option("--scorer", metavar="NAME", help="Only this one; repeat it.")]
Measures = Annotated[list[str] | None, typer.Option("--measure", metavar="NAME", help="Only this one; repeat it.")]
Sets = Annotated[
    list[str] | None, typer.Option("--set", metavar="TEXT", help="Only packaged sets so named; repeat it.")
]
Prompt = Annotated[str, typer.Option("--text-column", metavar="NAME", help="Default: prompt, text, question, …")]
Answer = Annotated[str, typer.Option("--answer-column", metavar="NAME", help="Default: answer, response, output, …")]
Label = Annotated[str, typer.Option("--label-column", metavar="NAME", help="Default: label, target, unsafe, …")]
Kind = Annotated[str, typer.Option("--kind-column", metavar="NAME", help="Default: kind, category, source, …")]
Positive = Annotated[
    list[str] | None,
    typer.Option("--positive", metavar="LABEL", help="What means bad, if not 1, unsafe, harmful, …; repeat it."),
]
AtMost = Annotated[int, typer.Option("--at-most", metavar="N", help="So many examples of a set, chosen by hash.")]
JsonFile = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write everything here as well.")]
Store = Annotated[
    bool, typer.Option("--store/--no-store", help="Keep the results in the data folder and in the warehouse.")
]
Figures = Annotated[
    Path | None, typer.Option("--figures", metavar="FILE", help="Write what the repository's gate compares with.")
]


def evaluate(  # noqa: PLR0913  # a flag for everything
    data: Data = None,
    recorded: Recorded = "",
    since: Since = "30d",
    scorer: Names = None,
    measure: Measures = None,
    packaged: Sets = None,
    text_column: Prompt = "",
    answer_column: Answer = "",
    label_column: Label = "",
    kind_column: Kind = "",
    positive: Positive = None,
    at_most: AtMost = 0,
    json_path: JsonFile = None,
    store: Store = True,
    figures: Figures = None,
) -> None:
    """Tell how right the scorers are: on packaged data, on your own file, or on your recorded calls.

    Prints a table for each kind of data: in distribution, across data sets, harmless texts such as everyday chat
    (false alarms alone), and slices by language, length and kind. Every figure has its 95 % interval. Results are kept
    in the data folder and, when the stack is up, in the warehouse's table scorer_evaluations.

    A row of your file has a prompt, an answer or both, and a label: 1 or 0, true or false, unsafe or safe and the like.
    Feedback on recorded calls counts as bad when its label says so or its score is below one half.

    Examples:

        driftloop scorers evaluate
        driftloop scorers evaluate --scorer injection-head --at-most 500 --no-store
        driftloop scorers evaluate --data tickets.csv --text-column body --label-column verdict --positive spam
        driftloop scorers evaluate --recorded support-bot --since 7d --json report.json

    Exit codes: 0 done; 1 the data can't be read or nothing can be judged on it; 2 a scorer, an option or the warehouse
    can't be used. A line says why.
    """
    from services.commands.scorers.evaluation import Wanted, run_evaluation
    from services.scorers.evaluation.reading import Columns

    columns = Columns(
        prompt=text_column, answer=answer_column, label=label_column, kind=kind_column, positive=tuple(positive or ())
    )
    wanted = Wanted(
        data=data,
        recorded=recorded,
        since=since,
        scorers=tuple(scorer or ()),
        measures=frozenset(measure or ()),
        packaged=tuple(packaged or ()),
        columns=columns,
        at_most=at_most,
        json_path=json_path,
        store=store,
        figures=figures,
    )
    run_evaluation(settings_or_fail(), wanted)

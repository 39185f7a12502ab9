"""multiple-choice: Accuracy forecast through the probability of every choice, right and wrong."""

from __future__ import annotations

import click

from isoflop.cli.output import json_option, show
from isoflop.cli.pictures import check_picture, plot_option, write_picture
from isoflop.cli.results import check_writable, write_results
from isoflop.cli.values import quantity


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--at", required=True, metavar="FLOPS", help="The training compute to forecast.")
@click.option(
    "--compute",
    multiple=True,
    metavar="FLOPS",
    help="Of the model of each file of samples, in order. Repeatable.",
)
@click.option("--draws", type=click.IntRange(20), default=200, show_default=True, help="Of new models and items.")
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of every random choice.")
@click.option("-o", "--output", metavar="FORECAST.JSON", help="Write the forecast.")
@plot_option
@click.option("--report", "report_path", metavar="PAGE.HTML", help="Write a report with pictures.")
@json_option
def command(
    files: tuple[str, ...],
    at: str,
    compute: tuple[str, ...],
    draws: int,
    level: float,
    seed: int,
    output: str | None,
    picture: str | None,
    report_path: str | None,
    as_json: bool,
) -> None:
    """Forecast multiple-choice accuracy through the probability of every choice (Schaeffer et al. 2024).

    FILE is one table with the columns C (or N and D), item, choice, log_p and right (1 in the row of the right choice),
    or the samples_*.jsonl of lm-evaluation-harness, one file a model, each with its --compute.

    \b
    isoflop multiple-choice choices.csv --at 1e24
    isoflop multiple-choice small.jsonl mid.jsonl large.jsonl --compute 1e20 --compute 1e21 --compute 1e22 --at 1e23
    """
    from isoflop.downstream.choice_probability import choice_forecast
    from isoflop.downstream.choice_tables import read_choices, read_samples

    check_picture(picture)
    check_writable(output, report_path)
    if len(files) > 1 and not compute:
        raise click.UsageError(f"{len(files)} files of samples need --compute for each; a table is given alone")
    if compute:
        read = read_samples(files, [quantity(text, "--compute") for text in compute])
    else:
        read = read_choices(files[0])
    made = choice_forecast(*read, quantity(at, "--at"), draws=draws, level=level, seed=seed)
    write_results(made, output, report_path)
    write_picture(made, picture)
    show(as_json, made.to_dict, made.summary)

"""rectified: Which model will be best after fine-tuning on all the data, told from a small part of it."""

from __future__ import annotations

import click

from isoflop.cli.output import json_option, show
from isoflop.cli.pictures import check_picture, plot_option, write_picture
from isoflop.cli.progress import progress
from isoflop.cli.results import check_writable, write_results


@click.command()
@click.argument("table", metavar="CURVES")
@click.option("--limit", type=click.FloatRange(1), help="Use no more examples than this.  [default: all]")
@click.option("--at", type=click.FloatRange(1), help="Forecast at this number of examples.  [default: the largest]")
@click.option(
    "--route",
    type=click.Choice(["weighted", "rectified", "accept_then_stop", "mean"]),
    default="weighted",
    show_default=True,
    help="The law, the straight line of its authors, their mean, or the mean weighted by trials inside the data.",
)
@click.option("--level", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.95, show_default=True)
@click.option("-o", "--output", metavar="RECTIFIED.JSON", help="Write the result.")
@plot_option
@click.option("--report", "report_path", metavar="PAGE.HTML", help="Write a report with pictures.")
@json_option
def command(
    table: str,
    limit: float | None,
    at: float | None,
    route: str,
    level: float,
    output: str | None,
    picture: str | None,
    report_path: str | None,
    as_json: bool,
) -> None:
    """Fit the rectified law to fine-tuning curves and choose a model.

    CURVES has one row a model and one column for each number of examples (200, 400 ...), or the columns model,
    examples, loss.

    \b
    isoflop rectified curves.csv
    isoflop rectified curves.csv --limit 204800 --at 1638400
    """
    from isoflop.downstream.fine_tuning_curves import read_fine_tuning
    from isoflop.downstream.rectified import rectified

    check_picture(picture)
    check_writable(output, report_path)
    curves = read_fine_tuning(table)
    with progress(len(curves.examples), "trials inside the data") as advance:
        made = rectified(curves, limit=limit, at=at, route=route, level=level, progress=advance)
    write_results(made, output, report_path)
    write_picture(made, picture)
    show(as_json, made.to_dict, made.summary)

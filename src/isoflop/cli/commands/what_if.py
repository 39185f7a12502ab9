"""what-if: One choice or limit of a plan changed, the rest re-optimised, and what that is worth in compute."""

from __future__ import annotations

from typing import Any

import click

from isoflop.cli.output import json_option, show
from isoflop.cli.pictures import check_picture, plot_option, write_picture
from isoflop.cli.plan_options import asked_question, question_options
from isoflop.cli.results import check_writable, write_results
from isoflop.cli.values import quantity


@click.command()
@click.argument("changes", metavar="NAME=VALUE[,VALUE]...", nargs=-1, required=True)
@click.option("--flops", metavar="FLOPS", help="Budget of compute: 1e24 or '5 PF-days'.")
@question_options
@click.option("-o", "--output", metavar="WHAT_IF.JSON", help="Write the comparison; isoflop report opens it.")
@click.option("--report", "report_path", metavar="PAGE.HTML", help="Write a report with pictures.")
@plot_option
@json_option
def command(
    changes: tuple[str, ...],
    flops: str | None,
    output: str | None,
    report_path: str | None,
    picture: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """The best plan with one thing changed at a time: a choice held, a limit or a given number set.

    \b
    isoflop what-if N=7B,13B,70B --flops 1e24
    isoflop what-if tokens_per_parameter=20 serve_tokens=1e14 --dollars 2M --gpu H100 --serve-tokens 1e12
    isoflop what-if precision=fp8 experts=8 --free precision,experts --flops 1e23
    isoflop what-if memory='80 GB','40 GB' --problem question.toml
    """
    from isoflop.planning.what_if import what_if

    check_writable(output, report_path)
    check_picture(picture)
    supposed = _supposed(changes)
    budget = quantity(flops, "--flops") if flops else None
    made = what_if(asked_question("", (), budget, options).problem(), supposed)
    write_results(made, output, report_path)
    write_picture(made, picture)
    show(as_json, made.to_dict, made.summary)


def _supposed(changes: tuple[str, ...]) -> dict[str, list[float | str]]:
    """name -> values, numbers where they are numbers, labels otherwise."""
    from isoflop.units import parse_quantity

    listed: dict[str, list[float | str]] = {}
    for text in changes:
        name, equals, values = text.partition("=")
        if not equals or not name.strip() or not values.strip():
            raise click.UsageError(f"found {text!r}, accepted is NAME=VALUE such as N=7B or N=7B,70B")
        for value in values.split(","):
            try:
                number: float | str = parse_quantity(value)
            except ValueError:
                number = value.strip()
            listed.setdefault(name.strip(), []).append(number)
    return listed

"""decide: One choice of a training run from published laws or your fit: epochs, vocabulary, experts, precision, ..."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from isoflop.cli.output import json_option, say, show
from isoflop.cli.results import check_writable, write_results
from isoflop.cli.values import numbers

if TYPE_CHECKING:
    from isoflop.planning.decision_answer import DecisionAnswer
    from isoflop.planning.decision_rule import DecisionRule

_PICTURES = (".png", ".svg", ".pdf")


@click.command()
@click.argument("decision", metavar="[DECISION]", default="")
@click.argument("inputs", metavar="[NAME=VALUE]...", nargs=-1)
@click.option("--law", metavar="FIT.JSON|LAW@CONSTANTS", help="A fit or law in the place of the decision's own.")
@click.option(
    "--near-optimal",
    type=click.FloatRange(0, 10, min_open=True, max_open=True),
    default=0.1,
    show_default=True,
    help="The share of compute that a choice may waste and still be called near-optimal.",
)
@click.option("--describe", is_flag=True, help="Show the question and its inputs; decide nothing.")
@click.option("--plot", "picture", metavar="FIGURE.PNG", help="Write the figure: what the choice costs.")
@click.option("--output", "-o", metavar="ANSWER.JSON", help="Write the answer; `isoflop report` opens it.")
@click.option("--report", "report_path", metavar="PAGE.HTML", help="Write a report with the picture.")
@json_option
def command(
    decision: str, inputs: tuple[str, ...], law: str | None, near_optimal: float, describe: bool, picture: str | None,
    output: str | None, report_path: str | None, as_json: bool,
) -> None:  # fmt: skip
    """List the decisions; answer one, with its near-optimal range, other laws' answers, and what was never tested.

    \b
    isoflop decide
    isoflop decide vocabulary N=70B width=8192
    isoflop decide epochs flops=9.3e21 unique_tokens=25B --plot epochs.png
    """
    from isoflop.planning.decision_registry import decide, decision_rule, decision_rules

    if not decision:
        found = decision_rules()
        show(as_json, lambda: [each.to_dict() for each in found], lambda: _list(found))
        return
    chosen = decision_rule(decision)
    if describe:
        show(as_json, chosen.to_dict, lambda: _describe(chosen))
        return
    if picture and Path(picture).suffix.lower() not in _PICTURES:
        raise click.UsageError(f"--plot {picture}: a name that ends in {', '.join(_PICTURES)} is accepted")
    check_writable(picture, output, report_path)
    own = None
    if law:
        from isoflop.cli.commands.plan import fit_or_constants

        own = fit_or_constants(law)
    made = decide(chosen.id, law=own, compute_equivalent=near_optimal, **numbers(inputs, "input"))
    write_results(made, output, report_path)
    if picture:
        _draw(made, picture)
    show(as_json, made.to_dict, made.summary)


def _draw(made: DecisionAnswer, path: str) -> None:
    import os

    if not made.curves:
        raise click.ClickException(f"{made.decision} has no picture; its answer is the table")
    unfinished = Path(path).with_suffix(f".{os.getpid()}{Path(path).suffix}")
    made.plot().figure.savefig(unfinished, dpi=160)
    unfinished.replace(path)
    say(f"wrote {path}")


def _list(found: tuple[DecisionRule, ...]) -> str:
    from isoflop.report.text import render_text
    from isoflop.report.view import Table, View

    ordered = sorted(found, key=lambda each: (each.group, each.id))
    rows = tuple((each.group, each.id, each.title, _needs(each)) for each in ordered)
    title = f"{len(found)} decisions; `isoflop decide DECISION NAME=VALUE ...` answers one, --describe shows its inputs"
    return render_text(View(title, tables=(Table(("about", "id", "decides", "needs"), rows, wrapped=True),)))


def _needs(each: DecisionRule) -> str:
    return " ".join(given.name for given in each.inputs if given.required)


def _describe(chosen: DecisionRule) -> str:
    from isoflop.report.text import render_text
    from isoflop.report.view import Table, View

    rows = tuple(
        (each.name, each.meaning, each.unit, "needed" if each.required else _default(each.default))
        for each in chosen.inputs
    )
    lead = [chosen.question]
    if chosen.law_inputs:
        lead.append(f"--law takes a fit or law in {', '.join(chosen.law_inputs)}.")
    table = Table(("input", "meaning", "unit", "default"), rows, wrapped=True)
    return render_text(View(f"{chosen.id}: {chosen.title}", lead=tuple(lead), tables=(table,)))


def _default(value: float | None) -> str:
    return "may be left out" if value is None else f"{value:g}"

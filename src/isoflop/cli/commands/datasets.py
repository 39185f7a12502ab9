"""datasets: The real runs that ship with the package: their cards, and where they lie."""

from __future__ import annotations

import click

from isoflop.cli.output import json_option, show


@click.command()
@click.argument("name", required=False)
@click.option("--path", "path_only", is_flag=True, help="Only the path of the table, for use in another command.")
@json_option
def command(name: str | None, path_only: bool, as_json: bool) -> None:
    """List the data sets, or show the card of one.

    \b
    isoflop datasets h200-reference
    isoflop fit $(isoflop datasets --path) --where "corpus = 'code' and role = 'ladder'"
    """
    from isoflop.datasets import datasets

    found = datasets()
    if name is not None and name not in found:
        raise click.UsageError(f"no data set is called {name!r}; there are {', '.join(found)}")
    chosen = found if name is None else {name: found[name]}
    cards = {each: (folder / "CARD.md").read_text(encoding="utf-8") for each, folder in chosen.items()}
    tables = {each: str(folder / "runs.csv") for each, folder in chosen.items()}

    def text() -> str:
        if path_only:
            return "\n".join(tables.values())
        if name is not None:
            return cards[name]
        return "\n".join(f"{card.splitlines()[0].lstrip('# ')}\n  {tables[each]}" for each, card in cards.items())

    show(as_json, lambda: [{"name": each, "table": tables[each], "card": cards[each]} for each in chosen], text)

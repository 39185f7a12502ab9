"""The option ``--plot FILE``: checked before the work, written whole after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from isoflop.cli.output import say
from isoflop.cli.results import check_writable

PICTURES = (".png", ".svg", ".pdf")


def plot_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option ``--plot``, given to the command as `picture`."""
    return click.option("--plot", "picture", metavar="FIGURE.PNG", help="Draw the figure: .png, .svg or .pdf.")(command)


def check_picture(path: str | None) -> None:
    """Refuse a picture of an unknown kind, or in a place that cannot be written to.

    Raises
    ------
    click.ClickException : either.
    """
    if path and Path(path).suffix.lower() not in PICTURES:
        raise click.UsageError(f"--plot {path}: a name that ends in {', '.join(PICTURES)} is accepted")
    check_writable(path)


def write_picture(result: Any, path: str | None, **options: Any) -> None:
    """Draw a result into `path`, if there is one."""
    if not path:
        return
    unfinished = Path(path).with_suffix(f".{os.getpid()}{Path(path).suffix}")
    result.plot(**options).figure.savefig(unfinished, dpi=160)
    unfinished.replace(path)
    say(f"wrote {path}")

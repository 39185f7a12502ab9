"""devices: Peaks, memory, bandwidth, power and example prices of known devices, each with its source."""

from __future__ import annotations

import click

from isoflop.cli.output import json_option, show
from isoflop.cli.pictures import check_picture, plot_option, write_picture


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--devices", "table", metavar="DEVICES.TOML", help="A table of your own that adds or overrides.")
@plot_option
@json_option
def command(names: tuple[str, ...], table: str | None, picture: str | None, as_json: bool) -> None:
    """List devices: all of them, or those named.

    \b
    isoflop devices
    isoflop devices H100 H200 B200 --json
    isoflop devices --devices mine.toml --plot roofline.png
    """
    from isoflop.costs.device_table import DeviceTable, device_table
    from isoflop.costs.devices import device

    check_picture(picture)
    made = DeviceTable(tuple(device(name, table) for name in names)) if names else device_table(table)
    write_picture(made, picture)
    show(as_json, made.to_dict, made.summary)

"""The entry point `isoflop`: a group that knows its commands by their files and imports one only when it is called."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from isoflop import __version__
from isoflop.cli import commands
from isoflop.cli.errors import Interrupted, discard_output, exit_code_for


class LazyGroup(click.Group):
    """A click group whose commands are the files of `isoflop.cli.commands`.

    A command's name is its file's (``_`` becomes ``-``), its short help the first line of its file, so that ``--help``
    imports none of them. Every failure becomes one line on stderr and an exit code.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, sorted."""
        return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name, imported now."""
        if cmd_name not in self.list_commands(ctx):
            return None
        module = import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest command in the message."""
        from difflib import get_close_matches

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            known = self.list_commands(ctx)
            near = get_close_matches(args[0], known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise click.UsageError(f"no command is called {args[0]!r}; {hint}", ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The table of commands in ``--help``."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, short_help(name)) for name in self.list_commands(ctx)])

    def invoke(self, ctx: click.Context) -> Any:
        """As click does, but for Ctrl-C, where it prints an empty line, and ``| head``, where it fails."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except BrokenPipeError:
            return discard_output()

    def main(self, args: Sequence[str] | None = None, *_: Any, standalone_mode: bool = True, **extra: Any) -> Any:
        """Run the command line; exits with 0, 2 (the user can mend it), 1 (we must) or 130 (Ctrl-C)."""
        given = list(sys.argv[1:] if args is None else args)
        debug = "--debug" in given
        given = [each for each in given if each != "--debug"]
        extra["prog_name"] = "isoflop"
        try:
            code = super().main(given, standalone_mode=False, **extra)
        except BaseException as error:
            if debug and not isinstance(error, (Interrupted, KeyboardInterrupt, click.exceptions.Abort)):
                raise
            code = exit_code_for(error)
        if not standalone_mode:
            return code
        sys.exit(code if isinstance(code, int) else 0)


def short_help(name: str) -> str:
    """What a command does: the first line of its file after its name."""
    with Path(str(commands.__path__[0]), f"{name.replace('-', '_')}.py").open(encoding="utf-8") as file:
        line = file.readline().strip()
    return line.strip('"').partition(": ")[2]


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="isoflop")
@click.option("--debug", is_flag=True, expose_value=False, help="Show the traceback of an error.")
def main() -> None:
    """The workbench for neural scaling: fit scaling laws with honest uncertainty, forecast, and plan.

    \b
    isoflop demo                                    the whole of it: trains small models here, minutes on two cores
    isoflop fit runs.csv --law chinchilla -o fit.json
    isoflop forecast fit.json N=70B D=1.4T
    isoflop plan fit.json --flops 1e21,5.76e23
    """


if __name__ == "__main__":
    main()

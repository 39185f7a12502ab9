"""The one error of this room."""

from __future__ import annotations


class CostError(ValueError):
    """Something cannot be counted: an unknown device, an impossible shape, a config that cannot be read. One line."""

    #: what the command line exits with
    exit_code = 2

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))


def one_of(value: str, accepted: tuple[str, ...], what: str) -> str:
    """The word itself if it is accepted.

    Raises
    ------
    CostError : it is not; one line with the accepted words.
    """
    if value not in accepted:
        raise CostError(f"{what} {value!r} is unknown; accepted: {', '.join(accepted)}")
    return value

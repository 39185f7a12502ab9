"""Which columns of a score table are N, D, C, loss, name, family, and which are tasks; units written in headers."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from isoflop.downstream.task import ScoresError
from isoflop.runs import Notice
from isoflop.runs.mapping import canonical_target
from isoflop.runs.spelling import columns_in_words

LABELS = ("names", "family")
NUMBERS = ("N", "D", "C", "L")

#: column names in lower case without punctuation and without a unit in brackets
_COMMON: Mapping[str, tuple[str, ...]] = {
    "names": ("model", "modelname", "fullname", "name", "modelid", "run", "runname"),
    "family": ("family", "modelfamily", "basefamily"),
    "N": ("n", "params", "nparams", "numparams", "parameters", "modelsize", "size", "modelparams"),
    "D": ("d", "tokens", "ntokens", "trainingtokens", "pretrainingdatasize", "datasize", "traintokens", "data"),
    "C": ("c", "flops", "flop", "trainingflops", "trainingcompute", "compute"),
    "L": ("l", "loss", "valloss", "validationloss", "evalloss"),
}
_UNITS = {"k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_WORD = re.compile(r'"[^"]+"|\w+')
_IN_BRACKETS = re.compile(r"\(([^()]*)\)\s*$")
_POWER = re.compile(r"1e(\d+)", re.IGNORECASE)
_NO_TASK = re.compile(
    r"^$|^unnamed|^column\d+$|average|aggregated|_?index$|^rank$|date|^seed$|^step$|uuid|^\d+%_ci|perplexity"
    r"|^instruct$|^hub|likes|elo$|^__",
    re.IGNORECASE,
)
_LOSS_ENDINGS = ("_bpb", "_loss", "_ce")
_ERROR_ENDINGS = ("_stderr", "_se")
_NUMERIC = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "REAL")


@dataclass(frozen=True)
class Layout:
    """What is read from where: targets, tasks, their losses and standard errors, as {what: column or SQL}."""

    targets: Mapping[str, str]
    tasks: Mapping[str, str]
    losses: Mapping[str, str]
    stderrs: Mapping[str, str]
    factors: Mapping[str, float]
    notices: tuple[Notice, ...]


def parse_pairs(items: Mapping[str, str] | Iterable[str] | None, what: str) -> dict[str, str]:
    """A mapping, or texts ``name`` and ``name=column or SQL``, as a mapping.

    >>> parse_pairs(["piqa", "mmlu=(a+b)/2"], "tasks")
    {'piqa': 'piqa', 'mmlu': '(a+b)/2'}
    """
    if isinstance(items, str):
        items = [items]
    pairs = items.items() if isinstance(items, Mapping) else (str(item).partition("=")[::2] for item in items or ())
    parsed: dict[str, str] = {}
    for name, column in pairs:
        name, column = str(name).strip(), str(column).strip()
        if not name:
            raise ScoresError(f"{what}: cannot read {name}={column}; write NAME or NAME=COLUMN")
        if name in parsed:
            raise ScoresError(f"{what}: {name} is given twice; give it once")
        parsed[name] = column or name
    return parsed


def resource_columns(
    types: Mapping[str, str], given: Mapping[str, str], taken: Iterable[str] = ()
) -> tuple[dict[str, str], dict[str, float], list[Notice]]:
    """{target: column or SQL} as given, else by common name; {target: factor} of units in headers; what was guessed.

    Raises
    ------
    ScoresError : a target that is none.
    """
    targets = {_target(word): column for word, column in given.items()}
    used = {*targets.values(), *taken}
    in_expressions = _used_by(targets.values(), types)
    factors: dict[str, float] = {}
    told: list[str] = []
    for target, words in _COMMON.items():
        if target in targets:
            continue
        free = [c for c in types if c not in used and (target in LABELS or c not in in_expressions)]
        found = [c for word in words for c in free if _base(c) == word and _fits(types, c, target)]
        if not found:
            continue
        targets[target] = found[0]
        used.add(found[0])
        unit = _factor(found[0]) if target in NUMBERS else 1.0
        if unit != 1.0:
            factors[target] = unit
        if found[0] != target:
            told.append(f"{target} = {found[0]!r}" + (f" x {unit:g}" if unit != 1.0 else ""))
    notices = [Notice("mapped_by_name", f"read by column name: {', '.join(told)}")] if told else []
    return targets, factors, notices


def layout_of(
    types: Mapping[str, str], given: Mapping[str, str], tasks: Mapping[str, str], losses: Mapping[str, str]
) -> Layout:
    """Every target's column: as given, else by common name; tasks as asked, else every other column of numbers.

    Raises
    ------
    ScoresError : a target that is none; a task asked for that is not there; no task at all.
    """
    targets, factors, notices = resource_columns(types, given, {*tasks.values(), *losses.values()})
    wanted = _tasks(types, tasks, _used_by([*targets.values(), *losses.values()], types))
    stderrs: dict[str, str] = {}
    for name, column in wanted.items():
        for ending in _ERROR_ENDINGS:
            if column + ending in types:
                stderrs[name] = column + ending
        for ending in _LOSS_ENDINGS:
            if name not in losses and column + ending in types:
                losses = {**losses, name: column + ending}
    unknown = [name for name in losses if name not in wanted]
    if unknown:
        raise ScoresError(f"losses: there is no task {unknown[0]!r}; {columns_in_words(list(wanted), unknown[0])}")
    return Layout(targets, wanted, losses, stderrs, factors, tuple(notices))


def _used_by(expressions: Iterable[str], types: Mapping[str, str]) -> set[str]:
    """The columns that these columns or SQL expressions name."""
    words = {word.lower() for text in expressions for word in (text, *(w.strip('"') for w in _WORD.findall(text)))}
    return {column for column in types if column.lower() in words}


def _target(word: str) -> str:
    if word.strip().lower() in ("model", "models"):
        return "names"
    target = canonical_target(word, "L")
    target = "family" if target in ("group", "families") else target
    if target not in (*LABELS, *NUMBERS):
        raise ScoresError(f"map: {word!r} is unknown; accepted: names, family, N, D, C, L; tasks go into tasks")
    return target


def _tasks(types: Mapping[str, str], asked: Mapping[str, str], taken: set[str]) -> dict[str, str]:
    endings = (*_LOSS_ENDINGS, *_ERROR_ENDINGS)
    free = [c for c in types if c not in taken and _is_number(types[c]) and not _NO_TASK.search(c)]
    free = [c for c in free if not c.endswith(endings)]
    if not asked:
        if not free:
            raise ScoresError(f"no column looks like a task; {columns_in_words(list(types))}; name them: tasks=...")
        return {c: c for c in free}
    chosen: dict[str, str] = {}
    for name, column in asked.items():
        if name == column and any(mark in name for mark in "*?[") and name not in types:
            matches = fnmatch.filter(free, name)
            if not matches:
                raise ScoresError(f"tasks: no column matches {name!r}; {columns_in_words(list(types), name)}")
            chosen.update({c: c for c in matches})
        else:
            chosen[name] = column
    return chosen


def _fits(types: Mapping[str, str], column: str, target: str) -> bool:
    return target in LABELS or _is_number(types[column])


def _is_number(kind: str) -> bool:
    return kind.lstrip("U").partition("(")[0] in _NUMERIC


def _base(column: str) -> str:
    """The column's name without a unit in brackets, punctuation or case."""
    return "".join(letter for letter in _IN_BRACKETS.sub("", column).lower() if letter.isalnum())


def _factor(column: str) -> float:
    """The unit in brackets at the end of a header: ``#Params (B)`` 1e9, ``FLOPs (1E21)`` 1e21, else 1."""
    match = _IN_BRACKETS.search(column)
    if not match:
        return 1.0
    unit = match.group(1).strip().lower()
    power = _POWER.fullmatch(unit)
    return 10.0 ** int(power.group(1)) if power else _UNITS.get(unit, 1.0)

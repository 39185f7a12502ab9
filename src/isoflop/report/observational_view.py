"""What an observational law says: components, families, the metric of models that were held out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from isoflop.report.figures import Figure, Layer, Line, Panel, Points
from isoflop.report.rounding import short
from isoflop.report.sentences import percent
from isoflop.report.view import Cell, Interval, Number, Table, View

if TYPE_CHECKING:
    from isoflop.downstream.observational_law import MetricForecast, Observational

_SHOWN = 12
_COLOURED = 6


def view(made: Observational) -> View:
    """The law as a view."""
    share = made.components.share[0]
    first = ", ".join(percent(float(f"{each:.3g}")) for each in np.cumsum(share)[: made.components.components])
    lead = [
        f"{made.target.name} of {int(made.fitted.sum())} models, told from {len(made.capabilities)} other benchmarks "
        f"by {made.components.components} principal components.",
        f"The components hold, added up, {first} of the variance.",
    ]
    lead += [line for line in (score_sentence(made, "scores"), score_sentence(made, "compute")) if line]
    tables = [_forecasts(made, _SHOWN), _loadings(made)]
    if made.lines is not None:
        tables.append(_lines(made, _SHOWN))
    title = f"Observational law of {made.target.name}, {made.scores.source.rsplit('/', 1)[-1]}"
    return View(title, lead=tuple(lead), tables=tuple(t for t in tables if t.rows), notices=made.warnings,
                simulated=made.scores.simulated)  # fmt: skip


def appendix(made: Observational) -> tuple[View, ...]:
    """Every forecast and every family."""
    tables = [_forecasts(made, len(made.scores))]
    if made.lines is not None:
        tables.append(_lines(made, len(made.lines.names)))
    return (View("All models and families", tables=tuple(t for t in tables if t.rows)),)


def figures(made: Observational, **_: Any) -> dict[str, Figure]:
    """``metric`` against the capability that tells it; ``families``: the first component against compute."""
    drawn = {"metric": _metric(made)}
    if made.lines is not None:
        drawn["families"] = _families(made)
    return drawn


def score_sentence(made: Observational, route: str) -> str:
    """How forecasts of the held-out models compare, or nothing."""
    scored = made.score(route)
    if not scored:
        return ""
    way = "their scores on the other benchmarks" if route == "scores" else "family and compute alone"
    return (
        f"{scored['models']:.0f} held-out models above {short(made.limit, digits=3)} FLOPs, from {way}: rank "
        f"correlation {scored['rank_correlation']:.3f}, mean absolute error {scored['mean_absolute_error']:.3f}; "
        f"{scored['covered']:.0%} inside {percent(made.level)} intervals."
    )


def _forecasts(made: Observational, most: int) -> Table:
    measured = np.isfinite(made.by_scores.value) & ~made.fitted
    if not made.held_out.any() and not measured.any():
        measured = np.isfinite(made.by_scores.value)
    chosen = np.flatnonzero(made.held_out if made.held_out.any() else measured)
    chosen = chosen[np.argsort(-made.scores.C[chosen], kind="stable")]
    rows: list[tuple[Cell, ...]] = []
    for k in chosen[:most].tolist():
        rows.append(
            (str(made.scores.models[k]), Number(made.scores.C[k]), *_cells(made.by_scores, k),
             *_cells(made.by_compute, k), Number(made.observed[k]))
        )  # fmt: skip
    level = f"{percent(made.level)} interval"
    columns = ("model", "FLOPs", "from scores", level, "from compute", level + " ", "measured")
    more = f"{len(chosen) - most} more models" if len(chosen) > most else ""
    fitted = " by the law that was fitted to them" if made.fitted[chosen].any() else " of models that were not fitted"
    return Table(columns, tuple(rows), f"{made.target.name}{fitted}", more).without_empty()


def _cells(told: MetricForecast, k: int) -> tuple[Cell, Cell]:
    if not math.isfinite(told.value[k]):
        return "", ""
    spread = (told.high[k] - told.low[k]) / 4
    return Number(told.value[k], spread), Interval(told.low[k], told.high[k], spread)


def _loadings(made: Observational) -> Table:
    kept = made.components.components
    columns = ("benchmark", *(f"PC{k + 1}" for k in range(kept)))
    rows: list[tuple[Cell, ...]] = [
        (name, *(f"{each:+.2f}" for each in made.components.directions[0, k]))
        for k, name in enumerate(made.capabilities)
    ]
    rows.append(("weight in the metric", *(f"{each:+.3g}" for each in made.link.weights[0])))
    return Table(columns, tuple(rows), "Principal components: what each benchmark counts")


def _lines(made: Observational, most: int) -> Table:
    lines = made.lines
    assert lines is not None
    order = np.argsort(-lines.models, kind="stable")
    rows: list[tuple[Cell, ...]] = []
    for k in order[:most].tolist():
        draws = lines.slope[1:, k, 0]
        spread = float(draws.std()) if len(draws) > 1 else math.nan
        fit = f"{lines.r_squared[k]:.2f}" if math.isfinite(lines.r_squared[k]) else "shared slope"
        rows.append((lines.names[k], Number(int(lines.models[k]), exact=True), Number(lines.slope[0, k, 0], spread),
                     fit, Number(lines.furthest[k])))  # fmt: skip
    columns = ("family", "models", "PC1 per e-fold of compute", "R2", "largest fitted, FLOPs")
    more = f"{len(order) - most} more families" if len(order) > most else ""
    return Table(columns, tuple(rows), "Families: the first component is a line in log compute", more)


def _metric(made: Observational) -> Figure:
    values = made.scores.only(made.capabilities).values
    places = made.components.scores(values)[0] @ made.link.weights[0] + made.link.offset[0]
    seen = np.isfinite(made.observed) & np.isfinite(places)
    shown = places[seen]
    x = np.linspace(max(shown.min(), -12), min(shown.max(), 12), 200)
    curve = made.link.floor + (made.link.ceiling[0] - made.link.floor) / (1 + np.exp(-x))
    held = made.held_out
    clip = np.clip(places, -12, 12)
    layers: list[Layer] = [
        Points(clip[made.fitted], made.observed[made.fitted], "fitted", "muted"),
        Line(x, curve, "law", 0),
    ]
    if held.any():
        layers.append(Points(clip[held], made.by_scores.value[held], "forecast", 0, low=made.by_scores.low[held],
                             high=made.by_scores.high[held], size=3.0))  # fmt: skip
        layers.append(Points(clip[held], made.observed[held], "measured, held out", 1, marker="diamond"))
    panel = Panel(tuple(layers), "capability (weighted principal components)", made.target.name)
    return Figure((panel,), "The metric against the capability that tells it; held-out models were not fitted.",
                  simulated=made.scores.simulated)  # fmt: skip


def _families(made: Observational) -> Figure:
    lines = made.lines
    assert lines is not None
    values = made.scores.only(made.capabilities).values
    first = made.components.scores(values)[0, :, 0]
    layers: list[Layer] = []
    for colour, k in enumerate(np.argsort(-lines.models, kind="stable")[:_COLOURED].tolist()):
        rows = (made.scores.family == lines.names[k]) & np.isfinite(made.scores.C)
        if not rows.any():
            continue
        layers.append(Points(made.scores.C[rows], first[rows], lines.names[k], colour))
        x = np.geomspace(made.scores.C[rows].min(), made.scores.C[rows].max(), 2)
        layers.append(Line(x, lines.at(lines.names[k], x)[0, :, 0], colour=colour))
    panel = Panel(tuple(layers), "training compute, FLOPs", "first principal component", x_log=True)
    return Figure((panel,), "Families as lines in log compute.", simulated=made.scores.simulated)

"""lm-evaluation-harness: ``results_*.json``; one run a model, a metric for each measure of a task, with its error.

A measure ``acc,none`` of the task hellaswag is the metric ``hellaswag/acc``, its standard error
``hellaswag/acc_stderr`` and the number of documents ``hellaswag/n``; a filter other than ``none`` stays, as in
``gsm8k/exact_match,strict-match``.
N is ``model_num_parameters``, every parameter. Results of one model in several files are one run, the later file wins.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from isoflop.runs.importers.importer import Advance, Importer, flat, opening, typed, watched
from isoflop.runs.importers.tracked import Fact, LeftOut, Reading, Series, TrackedRun, series
from isoflop.runs.notices import Notice, RunsError

_DEPTHS = ("", "*/", "*/*/")
#: keys beside the results that tell its files from others; before 2024 it wrote no configs of tasks
_OF_THE_HARNESS = frozenset({"configs", "versions", "n-shot", "model_name"})
_LARGEST = 512 * 2**20


class LmEvaluationHarness(Importer):
    """Result files."""

    id = "lm-eval"
    title = "lm-evaluation-harness"
    accepts = "results_*.json, or a folder of models with such files"

    def recognises(self, path: Path) -> bool:
        """A JSON file with results and configurations of tasks, or a folder with results_*.json."""
        if path.is_file():
            return path.suffix == ".json" and path.stat().st_size < _LARGEST and _is_results(path)
        return any(_is_results(file) for file in _files(path)[:3])

    def files(self, path: Path) -> list[Path]:
        """The result files."""
        return _files(path)

    def read(self, path: Path, advance: Advance = None) -> Reading:
        """One run for each model."""
        files = _files(path)
        if not files:
            raise RunsError(f"no results_*.json in {path}; give {self.accepts}")
        left_out: list[LeftOut] = []
        read: list[tuple[float, Path, Mapping[str, Any]]] = []
        for file in watched(files, advance):
            try:
                stored = json.loads(file.read_text(encoding="utf-8"))
                read.append((float(stored.get("date") or 0.0), file, {**stored, "results": dict(stored["results"])}))
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                left_out.append(LeftOut(str(file), f"it is no whole result file ({type(error).__name__}: {error})"))
        runs: dict[str, TrackedRun] = {}
        notices: list[Notice] = []
        for _, file, stored in sorted(read, key=lambda each: each[:2]):
            run = _run(file, stored)
            earlier = runs.get(run.name)
            if earlier is not None:
                again = sorted({key.rpartition("/")[0] for key in set(run.metrics) & set(earlier.metrics)})
                if again:
                    message = f"{run.name} has {', '.join(again[:4])} in several files; the latest is used"
                    notices.append(Notice("repeated_results", message, hint=str(file)))
                metrics = {**earlier.metrics, **run.metrics}
                run = TrackedRun(
                    run.name, {**earlier.config, **run.config}, metrics, run.facts or earlier.facts, run.where
                )
            runs[run.name] = run
        return Reading(tuple(runs.values()), tuple(left_out), tuple(notices))


IMPORTER = LmEvaluationHarness()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return sorted(file for depth in _DEPTHS for file in path.glob(f"{depth}results*.json"))


def _is_results(file: Path) -> bool:
    try:
        stored = json.loads(file.read_text(encoding="utf-8")) if '"results"' in opening(file) else None
    except (ValueError, OSError, RecursionError):
        return False
    return (
        isinstance(stored, dict) and isinstance(stored.get("results"), dict) and not _OF_THE_HARNESS.isdisjoint(stored)
    )


def _run(file: Path, stored: Mapping[str, Any]) -> TrackedRun:
    config = stored.get("config")
    settings = flat(config) if isinstance(config, Mapping) else {}
    settings.update({f"model_args.{key}": value for key, value in _model_args(settings.get("model_args")).items()})
    name = str(stored.get("model_name") or settings.get("model_args.pretrained") or settings.get("model") or file.stem)
    revision = settings.get("model_args.revision")
    if revision not in (None, "main"):
        name = f"{name}@{revision}"
    facts = {}
    count = settings.get("model_num_parameters")
    if isinstance(count, (int, float)) and count > 0:
        facts["N"] = Fact(float(count), "model_num_parameters", "total")
    metrics: dict[str, Series] = {}
    for task, measures in stored["results"].items():
        if not isinstance(measures, Mapping):
            continue
        for measure, value in measures.items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                metrics[f"{task}/{measure.removesuffix(',none')}"] = _single(value)
        counted = (stored.get("n-samples") or {}).get(task)
        if isinstance(counted, Mapping) and isinstance(counted.get("effective"), (int, float)):
            metrics[f"{task}/n"] = _single(counted["effective"])
        shots = (stored.get("n-shot") or {}).get(task)
        if isinstance(shots, (int, float)):
            settings[f"{task}.n_shot"] = shots
    return TrackedRun(name, settings, metrics, facts, str(file))


def _single(value: float) -> Series:
    return series([math.nan], [float(value)])[0]


def _model_args(text: Any) -> dict[str, Any]:
    """``pretrained=EleutherAI/pythia-70m,revision=step1000`` as settings; it may be a mapping already, flattened."""
    if not isinstance(text, str):
        return {}
    pairs = (part.partition("=")[::2] for part in text.split(",") if "=" in part)
    return {key.strip(): typed(value.strip()) for key, value in pairs}

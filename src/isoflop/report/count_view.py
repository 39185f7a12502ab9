"""What a count says: parameters by group, FLOPs per token by convention, training memory, serving, time and money."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from isoflop.costs.flops import CONVENTIONS, holds
from isoflop.costs.memory import OPTIMISERS
from isoflop.report.rounding import short
from isoflop.report.view import Cell, Number, Table, View

if TYPE_CHECKING:
    from isoflop.costs.architecture import Architecture
    from isoflop.costs.model_count import Count
    from isoflop.report.figures import Figure


def view(count: Count) -> View:
    """The count as a view."""
    shape = count.architecture
    tables = [_parameters(shape), _flops(count), _memory(count), _serving(count)]
    if count.run is not None:
        tables.insert(3, _run(count))
    return View(
        title=f"{shape.name or 'A transformer'}: {shape.parameters.total:,} parameters",
        lead=(f"{_shape_sentence(shape)}.", f"{_size_sentence(shape)}."),
        tables=tuple(tables),
        notices=count.warnings,
    )


def appendix(count: Count) -> tuple[View, ...]:
    """Where each figure is from."""
    rows: list[tuple[Cell, ...]] = [(name, each.formula, each.source) for name, each in CONVENTIONS.items()]
    device = count.device
    figures = f"{device.source} ({device.provenance})"
    device_rows: list[tuple[Cell, ...]] = [(device.name, "peak, memory, bandwidth, power", figures)]
    if device.price:
        stated = f"{device.price.source or 'given'} {device.price.as_of} ({device.price.provenance})"
        device_rows.append((device.name, f"${device.price.usd_per_hour:g} an hour, an example", stated))
    device_rows.append((count.training.optimiser, "bytes per parameter", OPTIMISERS[count.training.optimiser].source))
    return (
        View("How FLOPs are counted", tables=(Table(("convention", "formula", "source"), tuple(rows), wrapped=True),)),
        View("Sources of the rest", tables=(Table(("what", "figure", "source"), tuple(device_rows), wrapped=True),)),
    )  # fmt: skip


def figures(count: Count, **options: Any) -> dict[str, Figure]:
    """``parts``: parameters and memory by what they are; ``serving``: time and throughput against the batch."""
    from isoflop.report.count_figures import count_figures

    return count_figures(count, **options)


def _shape_sentence(shape: Architecture) -> str:
    heads = f"{shape.heads} heads"
    if shape.latent:
        heads += f" with latent attention of rank {shape.latent.kv_lora_rank}"
    elif shape.kv_heads != shape.heads:
        heads += f", {shape.kv_heads} of keys and values"
    mlp = f"{'gated ' if shape.gated else ''}MLP of {shape.mlp_width:,}"
    if shape.experts:
        each = shape.experts
        mlp = f"{each.active} of {each.number} experts of {each.width:,} (granularity {shape.granularity:.3g})"
        mlp += f" and {each.shared} shared" if each.shared else ""
        mlp += f", the MLP plain in {each.dense_layers} of the layers" if each.dense_layers else ""
    words = f"{shape.vocabulary:,} entries, output {'tied' if shape.tied else 'untied'}"
    return f"{shape.layers} layers of {shape.d_model:,}, {heads}, {mlp}, {words}, context {shape.context:,}"


def _size_sentence(shape: Architecture) -> str:
    n = shape.parameters
    active = f"{n.active:,} active for a token; " if shape.experts else ""
    body = f"{n.non_vocabulary:,} without the output layer as well"
    return f"{active}{n.non_embedding:,} without the input embedding, {body}"


def _parameters(shape: Architecture) -> Table:
    n = shape.parameters
    rows: list[tuple[Cell, ...]] = [
        (name, f"{value:,}", f"{n.active_groups[name]:,}" if shape.experts else "", f"{100 * value / n.total:.1f} %")
        for name, value in n.groups.items()
        if value
    ]
    rows.append(("total", f"{n.total:,}", f"{n.active:,}" if shape.experts else "", "100 %"))
    return Table(("group", "parameters", "active", "share"), tuple(rows), caption="Parameters").without_empty()


def _flops(count: Count) -> Table:
    every = count.flops_per_token
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            name,
            Number(value),
            f"{value / every['exact']:.3f}",
            CONVENTIONS[name].formula,
            "" if holds(count.architecture, name) else "not this architecture",
        )
        for name, value in every.items()
    )
    caption = f"Training FLOPs per token, forward and backward, at {count.training.context:,} tokens of context"
    return Table(("convention", "FLOPs", "of exact", "formula", "assumes"), rows, caption=caption).without_empty()


def _memory(count: Count) -> Table:
    plan, use = count.training, count.memory
    share = count.device.memory
    rows: list[tuple[Cell, ...]] = [
        (name, gigabytes(float(value)), f"{100 * float(value) / share:.1f} %") for name, value in use._asdict().items()
    ]
    rows.append(("total", gigabytes(float(use.total)), f"{100 * float(use.total) / share:.1f} %"))
    how = [f"{plan.optimiser}", f"recomputation {plan.recomputation}", f"{plan.micro_batch} x {plan.context:,} tokens"]
    how += [f"{value} {name}" for name, value in _split(count) if value > 1]
    how += ["no sequence parallelism"] if plan.tensor_parallel > 1 and not plan.sequence_parallel else []
    how += [f"ZeRO {plan.zero_stage}"] if plan.zero_stage else []
    caption = f"Memory of each {count.device.name} in training: {', '.join(how)}"
    return Table(("part", "GB", f"of {gigabytes(share)} GB"), tuple(rows), caption=caption)


def _split(count: Count) -> tuple[tuple[str, int], ...]:
    plan = count.training
    return (
        ("data-parallel", plan.data_parallel),
        ("tensor-parallel", plan.tensor_parallel),
        ("stages", plan.pipeline_parallel),
        ("context-parallel", plan.context_parallel),
        ("expert-parallel", plan.expert_parallel),
    )


def _run(count: Count) -> Table:
    run, plan = count.run, count.training
    assert run is not None
    cells: list[tuple[Cell, ...]] = [
        ("tokens", Number(plan.tokens, kind="count")),
        ("tokens per active parameter", Number(plan.tokens / count.architecture.parameters.active)),
        ("FLOPs", Number(run.flops)),
        (f"hours of {count.device.name}", Number(run.device_hours)),
        (f"days on {plan.gpus:,}", Number(run.days)),
        ("dollars", Number(run.usd)),
        ("MWh, at maximum power and a PUE of 1.1", Number(run.kwh / 1e3)),
    ]
    known = tuple(row for row in cells if not math.isnan(row[1].value))  # type: ignore[union-attr]
    at = f" at {100 * plan.mfu:.3g} % of the {plan.precision} peak" if plan.mfu else ""
    return Table(("training", ""), known, caption=f"The run{at}")


def _serving(count: Count) -> Table:
    serve, step, prompt = count.serving, count.decode(), count.prompt
    seconds = float(step.seconds)
    rows: list[tuple[Cell, ...]] = [
        ("memory, GB", gigabytes(float(step.memory))),
        ("cache per token of context, KiB", Number(count.cache_per_token / 1024)),
        ("FLOPs per token made", Number(float(step.flops) / serve.batch)),
        ("bytes read per token made", Number(float(step.bytes_moved) / serve.batch)),
        ("ms per token", Number(1e3 * seconds)),
        ("limited by", "memory bandwidth" if bool(step.memory_bound) else "computing"),
        ("tokens a second", Number(serve.batch / seconds)),
        ("ms to read a prompt of the context", Number(1e3 * float(count.prompt.seconds))),
        ("largest batch that fits", f"{count.largest_batch:,}"),
    ]
    if count.device.price:
        dollars = float(count.usd_per_million_tokens())
        rows += [
            ("dollars per million tokens", Number(dollars)),
            ("tokens per dollar", Number(1e6 / dollars, kind="count")),
        ]
    assert float(prompt.seconds) > 0
    caption = (
        f"Serving on {serve.gpus} x {count.device.name}: batch {serve.batch:,}, {serve.context:,} tokens of context, "
        f"weights of {short(serve.weight_bits)} bits; the roofline's bound, which no implementation beats"
    )
    return Table(("serving", ""), tuple(rows), caption=caption)


def gigabytes(value: float) -> str:
    """Bytes in GB (1e9), four digits.

    >>> gigabytes(8.0e10), gigabytes(1.5e6)
    ('80', '0.0015')
    """
    return f"{value / 1e9:,.4g}" if value < 1e13 else f"{value / 1e9:,.0f}"

"""Parameters, FLOPs and cache of real runs, counted from their shapes, against what their authors recorded."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from isoflop.costs import Architecture, Experts
from isoflop.costs.model_costs import cache_per_token
from isoflop.costs.training import attention_flops

pytestmark = pytest.mark.real
RealData = Callable[[str], Path]


def test_step_law_dense_shapes(real_data: RealData) -> None:
    # N is stated without vocabulary and normalisations; the MLP is gated
    rows = duckdb.sql(
        f"select distinct h, ffnh, numh, numl, N from read_csv('{real_data('steplaw')}/data/dense_lr_bs_loss.csv')"
    ).fetchall()
    assert len(rows) == 5
    for d_model, mlp_width, heads, layers, n in rows:
        shape = Architecture(d_model, layers, heads, 65536, 2048, mlp_width=mlp_width, gated=True, norm="none")
        assert shape.parameters.non_vocabulary == n


def test_step_law_mixtures(real_data: RealData) -> None:
    # N and Na leave the router out; M is 6 Na + 12 layers d_model context; kvcache counts elements
    rows = duckdb.sql(
        "select distinct h, ffnh, numh, numl, nume, topk, moeh, sed, numld, seq_len, N, Na, M, kvcache "
        f"from read_csv('{real_data('steplaw')}/data/moe_lr_bs_loss.csv')"
    ).fetchall()
    assert len(rows) == 4
    for d_model, mlp_width, heads, layers, number, active, width, shared, dense, context, n, n_active, m, cache in rows:
        experts = Experts(number, active, width, shared=1, shared_width=shared, dense_layers=dense)
        shape = Architecture(
            d_model, layers, heads, 65536, context, mlp_width=mlp_width, gated=True, norm="none", experts=experts
        )
        router = shape.parameters.groups["router"]
        assert shape.parameters.non_vocabulary - router == n
        counted = shape.parameters.counted("non_vocabulary", active=True) - router
        assert counted == n_active
        assert 6 * counted + float(attention_flops(layers, shape.query_width, context)) == m
        assert float(cache_per_token(shape, bits=8)) == cache


def test_gemstones(real_data: RealData) -> None:
    # heads of 128, half as many of keys and values, a gated MLP of four widths, untied
    path = real_data("gemstones") / "wandb_dfs" / "wandb_df_for_fitting_hot.jsonl"
    rows = {
        (row["width"], row["depth"], row["params_active_precise"])
        for row in map(json.loads, path.read_text().splitlines())
    }
    assert len(rows) == 22
    for width, depth, n in rows:
        shape = Architecture(
            width,
            depth,
            width // 128,
            50304,
            2048,
            kv_heads=width // 256,
            head_dim=128,
            mlp_width=4 * width,
            gated=True,
        )
        assert shape.parameters.total == n


def test_llamas_of_the_xlstm_study(real_data: RealData) -> None:
    # heads of 128, an MLP of 8/3 widths rounded up to 64, untied
    rows = duckdb.sql(
        "select distinct blocks, embed_dim, params from read_csv("
        f"'{real_data('xlstm')}/derived/isoflop_runs.csv') where model = 'llama' and params is not null"
    ).fetchall()
    assert len(rows) >= 35
    for blocks, embed_dim, n in rows:
        depth, width = int(blocks), int(embed_dim)
        mlp_width = 64 * math.ceil(8 * width / 3 / 64)
        shape = Architecture(width, depth, width // 128, 50304, 2048, mlp_width=mlp_width, gated=True)
        assert shape.parameters.total == n

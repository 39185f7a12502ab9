"""Shapes of a ladder's models: width, depth and heads all follow from a wanted number of parameters."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from isoflop.runs.counting import TransformerShape
from isoflop.runs.notices import RunsError

#: models of two layers learn to copy late and by chance, which makes a ladder's losses erratic
FEWEST_LAYERS = 4
#: columns of width for each layer above that: the aspect of our own reference ladder
WIDTH_PER_LAYER = 48
#: channels of a head, as near as the width allows
HEAD = 64
#: up to each width, the steps that widths are taken in: small matrices need finer ones
STEPS = ((48, 4), (64, 8), (128, 16), (512, 32), (16_384, 64))
SMALLEST_WIDTH = 16


def layers_of(width: int) -> int:
    """Layers of a model of this width.

    >>> [layers_of(width) for width in (32, 128, 256, 512)]
    [4, 4, 5, 11]
    """
    return max(FEWEST_LAYERS, round(width / WIDTH_PER_LAYER))


def heads_of(width: int) -> int:
    """Heads: the whole number nearest to width / `HEAD` that divides the width into an even number of channels.

    >>> [heads_of(width) for width in (32, 96, 128, 224, 512)]
    [1, 1, 2, 4, 8]
    """
    wanted = max(1, round(width / HEAD - 1e-9))
    fitting = [heads for heads in range(1, width // 2 + 1) if width % (2 * heads) == 0]
    return min(fitting, key=lambda heads: (abs(heads - wanted), -heads))


def shape_for(parameters: float, vocabulary: int = 256, context: int = 256) -> TransformerShape:
    """The shape whose N (without the input embedding, as our ladders count) is nearest to a wanted one, in logarithm.

    Raises
    ------
    RunsError : fewer parameters than the smallest model has, or more than the largest.

    >>> shape = shape_for(1e6)
    >>> shape.d_model, shape.layers, shape.heads, shape.parameters("non_embedding")
    (128, 4, 2, 819200)
    """
    smallest, largest = shape_of_width(SMALLEST_WIDTH, vocabulary, context), STEPS[-1][0]
    least, most = (
        smallest.parameters("non_embedding"),
        shape_of_width(largest, vocabulary, context).parameters("non_embedding"),
    )
    if not 0.75 * least <= parameters <= 1.25 * most:
        raise RunsError(
            f"no model of a ladder has {parameters:.3g} parameters; with {vocabulary} entries of the vocabulary "
            f"they have {least:.3g} (width {SMALLEST_WIDTH}) to {most:.3g}"
        )
    sizes = np.array(_sizes(vocabulary))
    return shape_of_width(list(widths())[int(np.abs(np.log(sizes / parameters)).argmin())], vocabulary, context)


def shape_of_width(width: int, vocabulary: int, context: int) -> TransformerShape:
    """The model of this width."""
    return TransformerShape(width, layers_of(width), vocabulary, context, heads=heads_of(width))


def widths() -> Iterator[int]:
    """The widths that models of a ladder have, narrowest first."""
    width = SMALLEST_WIDTH
    for limit, step in STEPS:
        while width < limit:
            yield width
            width += step
    yield width


@lru_cache(maxsize=8)
def _sizes(vocabulary: int) -> tuple[int, ...]:
    return tuple(shape_of_width(width, vocabulary, 1).parameters("non_embedding") for width in widths())

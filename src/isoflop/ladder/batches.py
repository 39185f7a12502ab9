"""Which tokens each step sees: a pure function of corpus, rung and seed, so that resuming needs no state."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from isoflop.ladder.rung import Rung
from isoflop.ladder.tokens import TokenCorpus
from isoflop.runs import RunsError

Starts = NDArray[np.int64]
#: the windows that unique_tokens keeps are the same for every seed
UNIQUE_SEED = 20_221_122


def windows(first: int, last: int, context: int) -> Starts:
    """Starts of windows of context + 1 tokens that overlap by one token, so that each token is predicted once."""
    return np.arange(first, last - context, context, dtype=np.int64)


def domain_windows(corpus: TokenCorpus, rung: Rung) -> list[Starts]:
    """Starts of training windows, one array a domain; with unique_tokens only so many of them, spread over domains.

    Raises
    ------
    RunsError : weights that name no domain of the corpus, or fewer tokens than one window.
    """
    context = rung.shape.context
    found = [windows(*domain.train, context) for domain in corpus.domains]
    weights = dict(rung.weights)
    unknown = set(weights) - {domain.name for domain in corpus.domains}
    if unknown:
        raise RunsError(
            f"weights name {', '.join(sorted(unknown))}; "
            f"corpus {corpus.name} has {', '.join(domain.name for domain in corpus.domains)}"
        )
    if weights:
        found = [
            starts if weights.get(domain.name, 0.0) > 0 else starts[:0] for domain, starts in zip(corpus.domains, found)
        ]
    if rung.unique_tokens:
        total = sum(starts.size for starts in found)
        share = min(1.0, rung.unique_tokens / (total * context)) if total else 1.0
        chooser = np.random.default_rng(UNIQUE_SEED)
        found = [np.sort(chooser.permutation(starts)[: round(share * starts.size)]) for starts in found]
    if not any(starts.size for starts in found):
        raise RunsError(f"corpus {corpus.name} has not one window of {context} tokens for this rung")
    return found


def _epochs(starts: Starts, count: int, generator: np.random.Generator) -> Starts:
    """The first `count` of the windows in a new random order for every pass."""
    passes = -(-count // max(starts.size, 1))
    return np.concatenate([generator.permutation(starts) for _ in range(passes)] or [starts[:0]])[:count]


def order(corpus: TokenCorpus, rung: Rung, steps: int) -> Starts:
    """Starts of the windows that each step sees, (steps, sequences a batch).

    Without weights every pass goes over all domains' windows; with weights each window's domain is drawn by them, and
    each domain has passes of its own. More steps only append: the first rows stay what they were.

    Raises
    ------
    RunsError : see `domain_windows`.
    """
    per_step = rung.recipe.batch_tokens // rung.shape.context
    found = domain_windows(corpus, rung)
    if not rung.weights:
        generator = np.random.default_rng((rung.seed, 1))
        return _epochs(np.concatenate(found), steps * per_step, generator).reshape(steps, per_step)
    shares = np.array([dict(rung.weights).get(domain.name, 0.0) for domain in corpus.domains])
    shares = shares * [starts.size > 0 for starts in found]
    edges = np.cumsum(shares / shares.sum())
    drawn = np.searchsorted(edges, np.random.default_rng((rung.seed, 2)).random(steps * per_step), side="right")
    drawn = np.minimum(drawn, len(found) - 1)
    chosen = np.empty(drawn.size, dtype=np.int64)
    for position, starts in enumerate(found):
        places = np.flatnonzero(drawn == position)
        chosen[places] = _epochs(starts, places.size, np.random.default_rng((rung.seed, 3, position)))
    return chosen.reshape(steps, per_step)


def epochs_seen(corpus: TokenCorpus, rung: Rung) -> float:
    """How often the rung sees a token of its corpus, on average; for weights, in the domain repeated most."""
    found = domain_windows(corpus, rung)
    needed = rung.steps * rung.recipe.batch_tokens / rung.shape.context
    if not rung.weights:
        return needed / sum(starts.size for starts in found)
    weights = dict(rung.weights)
    total = sum(weights.values())
    return max(
        needed * weights.get(domain.name, 0.0) / total / starts.size
        for domain, starts in zip(corpus.domains, found)
        if starts.size
    )


def validation_windows(corpus: TokenCorpus, context: int, tokens_per_domain: int) -> dict[str, Starts]:
    """For each domain the windows that are validated on: up to so many tokens, spread evenly over its validation text.

    Raises
    ------
    RunsError : a domain without one window of validation text.
    """
    chosen = {}
    for domain in corpus.domains:
        starts = windows(*domain.validation, context)
        if not starts.size:
            raise RunsError(
                f"domain {domain.name} of corpus {corpus.name} has less validation text than one context of {context}"
            )
        wanted = max(1, min(starts.size, tokens_per_domain // context))
        chosen[domain.name] = starts[np.linspace(0, starts.size - 1, wanted).astype(np.int64)]
    return chosen

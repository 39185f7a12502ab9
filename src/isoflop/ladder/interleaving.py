"""Several jobs in one process, taking turns: on a GPU each has a stream of its own, so that small models fill it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from isoflop.ladder.progress import Keeper, Outcome, Progress
from isoflop.ladder.rung import Job
from isoflop.ladder.tokens import TokenCorpus
from isoflop.ladder.training import advance

Event = Progress | Outcome


def interleaved(
    jobs: Sequence[Job],
    corpus: TokenCorpus,
    device: str = "cuda",
    *,
    at_once: int = 4,
    keeper_of: Callable[[Job], Keeper | None] = lambda job: None,
    report_every: float = 5.0,
    peak_flops: float = float("nan"),
    failed: Callable[[Job, Exception], None] | None = None,
) -> Iterator[Event]:
    """Train jobs with `at_once` of them in work; yields what `train` would yield for each.

    A job that raises is told to `failed` (or raises, where there is none) and the others go on.
    """
    waiting = deque(jobs)
    working: deque[tuple[Job, Iterator[Event | None]]] = deque()
    while waiting or working:
        while waiting and len(working) < at_once:
            job = waiting.popleft()
            course = advance(
                job, corpus, device, keeper=keeper_of(job), report_every=report_every, peak_flops=peak_flops
            )
            working.append((job, course))
        job, course = working.popleft()
        try:
            event = next(course)
        except StopIteration:
            continue
        except Exception as error:
            if failed is None:
                raise
            failed(job, error)
            continue
        working.append((job, course))
        if event is not None:
            yield event

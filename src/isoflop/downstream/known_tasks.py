"""Chance levels of well-known benchmarks, from their number of answer choices; a user's own word goes first."""

from __future__ import annotations

import re

#: benchmark -> answer choices (0: written freely, nothing is right by chance); from each benchmark's own paper. A few
#: ARC questions have three or five choices; the mean over its test questions is four within 0.01.
CHOICES: dict[str, int] = {
    "arc": 4,
    "arc_c": 4,
    "arc_challenge": 4,
    "arc_e": 4,
    "arc_easy": 4,
    "boolq": 2,
    "commonsense_qa": 5,
    "copa": 2,
    "csqa": 5,
    "gsm8k": 0,
    "hellaswag": 4,
    "lambada": 0,
    "lambada_openai": 0,
    "logi_qa": 4,
    "logiqa": 4,
    "mmlu": 4,
    "mmlu_pro": 10,
    "openbook_qa": 4,
    "openbookqa": 4,
    "piqa": 2,
    "sciq": 4,
    "siqa": 3,
    "social_iqa": 3,
    "socialiqa": 3,
    "winogrande": 2,
    "winograd": 2,
    "wsc": 2,
}
#: what may follow the name of a benchmark without making it another one
_VARIANT = re.compile(
    r"(_(val|validation|test|rc|cloze|fewshot|zeroshot|avg|xl|len_norm|acc|acc_norm|\d+_?shot|\d+))*", re.ASCII
)


def known_chance(task: str) -> float | None:
    """The chance level of a benchmark by its name, or None where it is not listed.

    >>> known_chance("HellaSwag"), known_chance("piqa_val_5shot"), known_chance("mmlu_sociology_styled")
    (0.25, 0.5, None)
    """
    name = re.sub(r"[^a-z0-9]+", "_", task.lower()).strip("_")
    for known in sorted(CHOICES, key=len, reverse=True):
        if name.startswith(known) and _VARIANT.fullmatch(name[len(known) :]):
            return 1.0 / CHOICES[known] if CHOICES[known] else 0.0
    return None

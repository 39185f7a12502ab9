"""What of a problem is posynomial: quantities put into one tree over the choices, then its additive terms."""

from __future__ import annotations

from collections.abc import Mapping

from isoflop.formula.nodes import Binary, Call, Name, Negative, Node


def substituted(tree: Node, replacements: Mapping[str, Node]) -> Node:
    """The tree with names replaced by trees."""
    match tree:
        case Name(name):
            return replacements.get(name, tree)
        case Negative(operand):
            return Negative(substituted(operand, replacements))
        case Binary(operator, left, right):
            return Binary(operator, substituted(left, replacements), substituted(right, replacements))
        case Call(function, arguments):
            return Call(function, tuple(substituted(each, replacements) for each in arguments))
        case _:
            return tree

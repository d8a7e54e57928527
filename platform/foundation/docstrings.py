"""The string below a field in the source of its class, which Python itself forgets."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import dedent


def field_notes(owner: type) -> dict[str, str]:
    """What the source of a class says below each of its fields, by name; nothing for one that says nothing."""
    (definition,) = ast.parse(dedent(inspect.getsource(owner))).body
    body = definition.body if isinstance(definition, ast.ClassDef) else []
    notes: dict[str, str] = {}
    for field, below in pairwise(body):
        match field, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(note))):
                notes[name] = " ".join(note.split())
    return notes

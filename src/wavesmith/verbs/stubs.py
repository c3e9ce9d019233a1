"""Writes `verb_index.py`: summaries of the verbs, and types of their keyword arguments for editors.

python -m wavesmith.verbs.stubs > src/wavesmith/verb_index.py
"""

from __future__ import annotations

import inspect
import json
import sys
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from wavesmith.families import Label
from wavesmith.verbs.options import fields_of
from wavesmith.verbs.registry import VERBS

_HEADER = '''"""Summaries of the verbs, readable without torch, and types of their keyword arguments.

Written by `python -m wavesmith.verbs.stubs`; do not edit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

if TYPE_CHECKING:
    from wavesmith import verbs
    from wavesmith.families import Label

'''
_LOOSE = {"guide": "Any", "regions": "Any"}
"""Fields that accept more than their settings hold."""


def module_text() -> str:
    """Return the text of `verb_index.py`."""
    lines = [f"    {json.dumps(name)}: {json.dumps(verb.summary)},\n" for name, verb in VERBS.items()]
    parts = [_HEADER, f"SUMMARIES = {{\n{''.join(lines)}}}\n\n"]
    for name, verb in VERBS.items():
        taken = inspect.signature(_function(name)).parameters
        fields = {key: field for key, field in fields_of(verb).items() if key not in taken}
        parts.append(_typed_dict(f"{_camel(name)}Choices", name, fields))
    delegates = "\n".join(f"        {name} = verbs.{name}" for name in VERBS)
    parts.append(
        "\nif TYPE_CHECKING:\n\n    class ModelVerbs:\n"
        f'        """Verbs as methods of a model."""\n\n{delegates}\n'
    )
    return "".join(parts)


def _function(name: str) -> Any:
    from wavesmith import verbs

    return getattr(verbs, name)


def _typed_dict(kind: str, verb: str, fields: dict[str, FieldInfo]) -> str:
    lines = "".join(f"    {name}: {_annotation(name, field)}\n" for name, field in fields.items())
    return f'\nclass {kind}(TypedDict, total=False):\n    """Settings of `{verb}`."""\n\n{lines}\n'


def _annotation(name: str, field: FieldInfo) -> str:
    text = _LOOSE.get(name) or _type_text(field.annotation)
    return text if text == "Any" or text.endswith("None") else f"{text} | None"


def _type_text(kind: Any) -> str:
    """Return a type as source code, without pydantic's bounds."""
    if kind == Label:
        return "Label | None"
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _type_text(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(map(_type_text, arguments))
    if origin is Literal:
        return f"Literal[{', '.join(map(json.dumps, arguments))}]"
    if origin is not None:
        return f"{origin.__name__}[{', '.join(map(_type_text, arguments))}]"
    return {type(None): "None", Ellipsis: "..."}.get(kind) or str(kind.__name__)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


if __name__ == "__main__":
    sys.stdout.write(module_text())

"""Configuration fields whose type is looked up in a registry by the value's `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from wavesmith.errors import RequestError
from wavesmith.registry import Registry


class ByKind:
    """Annotation of a pydantic field: `Annotated[Base, ByKind(REGISTRY)]`.

    The registry holds pydantic models with a field `kind`, each under that kind. A mapping is validated by
    the model of its `kind`, wherever that is defined, so that configurations can name what other packages
    register.
    """

    def __init__(self, registry: Registry[Any]) -> None:
        self.registry = registry

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return a schema that validates by kind and writes all fields of the value."""
        return core_schema.no_info_plain_validator_function(
            self._validate, serialization=core_schema.simple_ser_schema("any")
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> dict[str, Any]:
        """Return the JSON schema: an object with one of the registered kinds."""
        kind = {"type": "string", "enum": list(self.registry)}
        return {"type": "object", "properties": {"kind": kind}, "required": ["kind"]}

    def _validate(self, value: Any) -> BaseModel:
        kind = value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)
        if not isinstance(kind, str):
            raise ValueError(f"a {self.registry.kind} must be a group of settings with a kind")
        try:
            config: type[BaseModel] = self.registry[kind]
        except RequestError as error:
            raise ValueError(str(error)) from error
        return config.model_validate(value)

"""Tables of a TOML file, made from the classes and functions that they describe.

Whatever has typed parameters becomes a pydantic model with the same keys, so a new parameter
can be stated in a file as soon as it exists. What a file leaves out is left to the default of
the class: every default lives in one place.
"""

import inspect
import math
import re
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import is_dataclass
from functools import cache
from typing import (
    Annotated,
    Any,
    ClassVar,
    ForwardRef,
    Literal,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, Strict, create_model

from kurvs_pipeline.errors import MetadataError
from kurvs_sim.configuration.kinds import (
    FAMILIES,
    PURE_NUMBER,
    QUANTITIES,
    Family,
    Quantity,
    key_of,
    quantity_inside,
)

SCALARS = (bool, int, float, str)


class _TableError(MetadataError):
    """What a table describes is impossible; the path is the keys down to the table."""

    def __init__(self, path: tuple[str, ...], problem: str) -> None:
        super().__init__(f"[{'.'.join(path)}] {problem}")
        self.path = path
        self.problem = problem


class Section(BaseModel):
    """A table of the file: unknown keys are refused, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    described: ClassVar[Callable[..., Any]]
    parameter_of: ClassVar[Mapping[str, str]]

    def arguments(self) -> dict[str, Any]:
        """Return the parameters that the file states, by name.

        MetadataError if something that a table describes is impossible.
        """
        return {
            parameter: self._argument(key)
            for key, parameter in self.parameter_of.items()
            if key in self.model_fields_set
        }

    def _argument(self, key: str) -> object:
        try:
            return _built(getattr(self, key))
        except _TableError as error:
            raise _TableError((key, *error.path), error.problem) from None
        except MetadataError as error:
            raise _TableError((key,), str(error)) from None

    def build(self) -> Any:  # noqa: ANN401 - whatever the section describes
        """Return what the table describes."""
        return type(self).described(**self.arguments())


class _NotConfigurableError(TypeError):
    """A type has no form in a file; parameters of it that have a default are left to Python."""


def _built(value: object) -> object:
    if isinstance(value, Section):
        return value.build()
    return tuple(map(_built, value)) if isinstance(value, tuple) else value


def section_for(
    described: Callable[..., Any],
    *,
    kinds: tuple[str, ...] = (),
    default_kind: str | None = None,
    quantity: Quantity = PURE_NUMBER,
    special: Mapping[str, Any] = types.MappingProxyType({}),
    required: tuple[str, ...] = (),
) -> type[Section]:
    """Return the model of the table that describes a class, or the arguments of a function.

    Parameters
    ----------
    kinds : tuple of str
        Values that the key ``kind`` may have; no such key if empty.
    default_kind : str, optional
        One of ``kinds``, where a table may leave it out.
    special : mapping of str to annotation
        Parameters whose form in a file is not that of their type; None if they have none.
    required : tuple of str
        Parameters that a file must state although they have defaults.
    """
    hints, notes = get_type_hints(described), _descriptions(described)
    fields: dict[str, Any] = {}
    parameter_of: dict[str, str] = {}
    if kinds:
        stated = default_kind if default_kind in kinds else ...
        fields["kind"] = (Literal[kinds], Field(default=stated))
    for name, parameter in inspect.signature(described).parameters.items():
        key = key_of(described, name, quantity)
        inner = QUANTITIES.get(name, quantity_inside(described, quantity))
        form = special[name] if name in special else _form(hints[name], inner, parameter)
        if form is not None:
            parameter_of[key] = name
            default = inspect.Parameter.empty if name in required else parameter.default
            # A kind that the class itself asks for is one of those already listed.
            fields.setdefault(key, (form, field_of(default, notes.get(name))))
    model = create_model(_model_name(described, kinds, quantity), __base__=Section, **fields)
    model.described, model.parameter_of = described, parameter_of
    return model


def _form(hint: Any, quantity: Quantity, parameter: inspect.Parameter) -> Any:  # noqa: ANN401
    """Return how a file states a parameter; None if only Python can, and it has a default."""
    try:
        return _annotation(hint, quantity)
    except _NotConfigurableError:
        if parameter.default is inspect.Parameter.empty:
            raise
        return None


def _model_name(described: Callable[..., Any], kinds: tuple[str, ...], quantity: Quantity) -> str:
    name = described.__name__[:1].upper() + described.__name__[1:]
    return f"{name}_{quantity.name}" if kinds and quantity != PURE_NUMBER else name


def field_of(default: object, description: str | None) -> Any:  # noqa: ANN401 - as pydantic's own
    """Return a field that shows a plain default in the schema, and no other.

    ``default`` is ``inspect.Parameter.empty`` if there is none.
    """
    if default is inspect.Parameter.empty:
        return Field(description=description)
    if isinstance(default, SCALARS) and not (
        isinstance(default, float) and not math.isfinite(default)
    ):
        return Field(default=default, description=description)
    return Field(
        default=None,
        description=description,
        json_schema_extra=lambda schema: schema.pop("default", None),
    )


def _descriptions(described: Callable[..., Any]) -> dict[str, str]:
    """Read what a numpydoc docstring says of each parameter."""
    text = inspect.getdoc(described) or ""
    _, _, parameters = text.partition("Parameters\n----------\n")
    parameters = re.split(r"\n\w+\n-+\n", parameters)[0]
    notes = {}
    for entry in re.split(r"\n(?=\S)", parameters):
        names, _, rest = entry.partition(" : ")
        _, _, description = rest.partition("\n")
        for name in names.split(", "):
            notes[name] = " ".join(description.split())
    return notes


def _annotation(hint: Any, quantity: Quantity) -> Any:  # noqa: ANN401 - types of types
    """Return how a file states a parameter of a type."""
    if hint in SCALARS:
        return Annotated[hint, Strict()]
    if get_origin(hint) is Literal:
        return hint
    if get_origin(hint) is tuple:
        items = tuple(a if a is Ellipsis else _annotation(a, quantity) for a in get_args(hint))
        return tuple[items]  # type: ignore[valid-type]
    if get_origin(hint) in {Union, types.UnionType}:
        members = tuple(member for member in get_args(hint) if member is not types.NoneType)
        return (
            _annotation(members[0], quantity) if len(members) == 1 else _choice(members, quantity)
        )
    return _choice((hint,), quantity)


def _choice(classes: tuple[type, ...], quantity: Quantity) -> Any:  # noqa: ANN401
    """Return the table, or the choice of tables by ``kind``, for classes."""
    for family in FAMILIES:
        if all(cls is family.base or cls in family.kinds.values() for cls in classes):
            return _family_choice(family, classes, quantity)
    if len(classes) == 1 and is_dataclass(classes[0]):
        return _plain_section(classes[0])
    raise _NotConfigurableError(f"{classes} need a family of kinds in configuration_kinds")


@cache
def _plain_section(described: type) -> type[Section]:
    return section_for(described)


_open_choices: set[str] = set()


@cache
def _family_choice(family: Family, classes: tuple[type, ...], quantity: Quantity) -> Any:  # noqa: ANN401
    name = "_or_".join(["Any", *(cls.__name__ for cls in classes), quantity.name])
    if name in _open_choices:
        return ForwardRef(name)
    _open_choices.add(name)
    models = list(_models(family, classes, quantity))
    _open_choices.remove(name)
    default = quantity.default_kind or family.default
    choice: Any = models[0]
    if len(models) > 1:
        choice = Annotated[Union[tuple(models)], Field(discriminator="kind")]  # noqa: UP007
        if default is not None:
            choice = Annotated[choice, BeforeValidator(_with_kind(default))]
    for model in models:
        model.model_rebuild(force=True, _types_namespace={name: choice})
    return choice


def _models(
    family: Family, classes: tuple[type, ...], quantity: Quantity
) -> Iterator[type[Section]]:
    """Make one model a class, which may go by several kinds."""
    allowed: dict[Callable[..., Any], list[str]] = {}
    for kind, cls in family.kinds.items():
        if cls in classes or family.base in classes:
            allowed.setdefault(cls, []).append(kind)
    default = quantity.default_kind or family.default
    for cls, kinds in allowed.items():
        only = kinds[0] if len(allowed) == 1 else default
        yield section_for(cls, kinds=tuple(kinds), default_kind=only, quantity=quantity)


def _with_kind(default: str) -> Callable[[object], object]:
    def add(value: object) -> object:
        return {"kind": default, **value} if isinstance(value, dict) else value

    return add


def sections_in(annotation: object) -> list[type[Section]]:
    """Return the models that an annotation holds, at any depth."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return [annotation]
    return [model for part in get_args(annotation) for model in sections_in(part)]

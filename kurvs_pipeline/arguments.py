"""What users hand to public classes and functions: Quantities converted, other kinds refused.

A parameter's name carries its unit (``seeing_fwhm_arcsec``), so a Quantity of astropy in its place
can only mean one number.
"""

import difflib
import inspect
import reprlib
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from functools import wraps
from numbers import Real
from typing import Any, Literal, Protocol, TypeVar, get_args, get_origin

import numpy as np
from astropy import units as u
from numpy.typing import NDArray

from kurvs_pipeline.errors import MetadataError

UNIT_OF_WORD = {
    "arcsec": u.arcsec,
    "deg": u.deg,
    "kms": u.km / u.s,
    "um": u.um,
    "angstrom": u.AA,
    "kpc": u.kpc,
    "mag": u.mag,
    "dex": u.dex,
    "cm3": u.cm**-3,
    "m2": u.m**2,
    "seconds": u.s,
    "hours": u.hour,
    "electrons": u.electron,
}
"""Units as words of a parameter's name; ``per`` before one divides by it."""

UNIT_OF_NAME = {
    "halpha_flux": u.Unit("1e-16 erg / (s cm2)"),
    "flux_density": u.Unit("1e-16 erg / (s cm2 um)"),
    "a_v": u.mag,
    "a_v_err": u.mag,
    "rotation": u.km / u.s,
    "radial_velocity": u.km / u.s,
    "electron_density": u.cm**-3,
    "dark_current_electrons_per_s": u.electron / u.s,
}
"""Parameters whose unit is stated in their documentation."""

NUMBERS = frozenset({float, types.NoneType})
LARGEST_NUMBER = sys.float_info.max

PLAIN: dict[object, tuple[tuple[type, ...], str]] = {
    str: ((str,), "text"),
    bool: ((bool, np.bool_), "True or False"),
}
"""Other plain types, the classes that are taken for them, and their names."""

_Target = TypeVar("_Target", bound=Callable[..., Any])


def takes_quantities(target: _Target) -> _Target:
    """Let a function, or a class and its public methods, take Quantities for plain numbers.

    Parameters
    ----------
    target : function or class
        Parameters with a unit in their name receive Quantities as plain numbers, or arrays, in that
        unit; those annotated as tuples take lists and arrays. What is no number where one is
        expected, of another class or in a unit that cannot be converted is refused with a
        MetadataError that names the parameter.

    Returns
    -------
    function or class
        A class is changed in place.
    """
    if not isinstance(target, type):
        return _converting(target)  # type: ignore[return-value]
    for name, member in list(vars(target).items()):
        if name.startswith("_") and name != "__init__":
            continue
        if isinstance(member, types.FunctionType):
            setattr(target, name, _converting(member))
        elif isinstance(member, classmethod):
            setattr(target, name, classmethod(_converting(member.__func__)))
    return target


def check_names(given: Iterable[str], kind: type, what: str) -> None:
    """Refuse names that are no fields of a dataclass; MetadataError names the nearest that are."""
    known = [field.name for field in fields(kind)]
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3, cutoff=0.4) or known
            raise MetadataError(f"{what} has {name!r}; expected names such as {', '.join(near)}")


def plain_array(
    name: str,
    values: Any,  # noqa: ANN401 - an array of any library
    unit: str,
    power: int = 1,
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return an array in a power of a unit, and which values are masked; None without a mask.

    Quantities are converted, masked arrays of numpy and astropy are opened. MetadataError if a
    Quantity cannot be converted.
    """
    masked = getattr(values, "mask", None)
    if isinstance(values, np.ma.MaskedArray):
        masked, values = np.ma.getmaskarray(values), values.data
    elif masked is not None and hasattr(values, "unmasked"):
        masked, values = np.asarray(masked, dtype=bool), values.unmasked
    else:
        masked = None
    if isinstance(values, u.Quantity):
        try:
            values = values.to_value(u.Unit(unit) ** power)
        except u.UnitConversionError:
            raise MetadataError(
                f"{name} is in {values.unit}; expected plain numbers, or a Quantity that converts "
                f"to {u.Unit(unit) ** power}"
            ) from None
    return np.asarray(values), masked


def unit_in(name: str) -> u.UnitBase:
    """Return the unit that the name of a parameter carries; dimensionless if it carries none."""
    if name in UNIT_OF_NAME:
        return UNIT_OF_NAME[name]
    words = name.split("_")
    places = [place for place, word in enumerate(words) if word in UNIT_OF_WORD]
    if not places:
        return u.dimensionless_unscaled
    last = places[-1]
    unit = UNIT_OF_WORD[words[last]]
    if last > 0 and words[last - 1] == "per":
        above = UNIT_OF_WORD.get(words[last - 2], u.dimensionless_unscaled) if last > 1 else 1
        return above / unit
    return unit


def _converting(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that it sees its arguments as they are meant."""
    parameters = inspect.signature(function).parameters
    kinds = {name: parameter.annotation for name, parameter in parameters.items()}
    if not any(map(_is_checked, kinds, kinds.values())):
        return function
    order = tuple(kinds)

    @wraps(function)
    def call(*args: object, **kwargs: object) -> object:
        plain = [
            *(_meant(name, kinds[name], value) for name, value in zip(order, args, strict=False)),
            *args[len(order) :],
        ]
        named = {
            name: _meant(name, kinds[name], value) if name in kinds else value
            for name, value in kwargs.items()
        }
        return function(*plain, **named)

    return call


def _is_checked(name: str, kind: object) -> bool:
    members = _members(kind)
    return (
        unit_in(name) != u.dimensionless_unscaled
        or bool(NUMBERS.intersection(members))
        or kind in PLAIN
        or get_origin(kind) is Literal
        or get_origin(kind) is tuple
        or bool(_classes(members))
    )


def _meant(name: str, kind: object, value: object) -> object:
    """Return an argument as the function is to see it, or refuse it."""
    if isinstance(value, u.Quantity):
        value = _in_unit(name, value)
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if get_origin(kind) is tuple:
        return _as_tuple(name, get_args(kind), value)
    if get_origin(kind) is Literal:
        kind = str
    members = _members(kind)
    if value is None and types.NoneType in members:
        return value
    if NUMBERS.issuperset(members):
        _require(_is_number(value), name, value, "a number")
    elif kind in PLAIN:
        taken, meaning = PLAIN[kind]
        _require(isinstance(value, taken), name, value, meaning)
    elif classes := _classes(members):
        wanted = " or ".join(cls.__name__ for cls in classes)
        _require(isinstance(value, classes), name, value, f"an object of class {wanted}")
    return value


def _in_unit(name: str, value: u.Quantity) -> object:
    unit = unit_in(name)
    try:
        found = value.to_value(unit)
    except u.UnitConversionError:
        expected = "a plain number: it has no unit here"
        if unit != u.dimensionless_unscaled:
            expected = f"a plain number, or a Quantity that converts to {unit}"
        raise MetadataError(f"{name} is {value}; expected {expected}") from None
    return float(found) if np.ndim(found) == 0 else found


def _as_tuple(name: str, kinds: tuple[Any, ...], value: object) -> object:
    """Return a list or an array as the tuple that is asked for, all the way down."""
    if isinstance(value, np.ma.MaskedArray):
        value = value.filled(np.nan)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    _require(isinstance(value, Sequence) and not isinstance(value, str), name, value,
             "a sequence, such as a tuple or a list")  # fmt: skip
    items: tuple[object, ...] = tuple(value)  # type: ignore[arg-type]
    each = _kinds_of_items(kinds, len(items))
    return tuple(_meant(f"{name}[{i}]", kind, item)
                 for i, (kind, item) in enumerate(zip(each, items, strict=False)))  # fmt: skip


def _kinds_of_items(kinds: tuple[Any, ...], number: int) -> Iterator[Any]:
    if kinds[-1:] == (Ellipsis,):
        return (kinds[0] for _ in range(number))
    # Wrong lengths are told by the class itself.
    return (kinds[i] if i < len(kinds) else object for i in range(number))


def _members(kind: object) -> tuple[Any, ...]:
    return get_args(kind) if isinstance(kind, types.UnionType) else (kind,)


def _classes(members: tuple[Any, ...]) -> tuple[type, ...]:
    """Return the classes of this project that an annotation allows; none if it allows others."""
    classes = tuple(member for member in members if member is not types.NoneType)
    # Protocols are met by whatever behaves so.
    ours = all(
        isinstance(cls, type)
        and cls.__module__.startswith("kurvs_")
        and Protocol not in cls.__bases__
        for cls in classes
    )
    return classes if ours else ()


def _is_number(value: object) -> bool:
    if isinstance(value, bool | np.bool_):
        return False
    # Whole numbers of Python may be larger than any float.
    return not abs(value) > LARGEST_NUMBER if isinstance(value, int) else isinstance(value, Real)


def _require(condition: bool, name: str, value: object, expected: str) -> None:  # noqa: FBT001
    if not condition:
        raise MetadataError(f"{name} is {reprlib.repr(value)}; expected {expected}")

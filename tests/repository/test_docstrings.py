"""Every public name is documented; how fully depends on who reads it.

Names that rooms offer in their ``__all__`` are what users import: there every parameter is
documented, in order, with its type, and so is what is returned. Other public names have a summary,
and sections only where they tell what names and types do not. In both, what is documented must
exist, be in order and be well formed, and arrays say their shape.
"""

import importlib
import inspect
import pkgutil
import re
from dataclasses import is_dataclass
from enum import Enum
from functools import cached_property

import pytest
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate
from pydantic import BaseModel

import experiments
import kurvs_pipeline
import kurvs_sim

CHECKS = {
    "GL08": "there is a docstring",
    "GL06": "sections are those of numpydoc",
    "GL07": "and in its order",
    "SS01": "there is a summary",
    "SS03": "that ends with a full stop",
    "SS06": "and fits one line",
    "PR01": "every parameter is documented",
    "PR02": "and no other",
    "PR03": "in the order of the signature",
    "PR04": "with a type",
    "PR06": "by the name that Python has for it",
    "PR07": "and a description",
    "PR09": "that ends with a full stop",
    "PR10": "after a space and a colon",
    "RT01": "what is returned is documented",
    "YD01": "and what is yielded",
}
"""Of numpydoc. Left out: examples, long summaries and See Also for every name (EX01, ES01, SA01),
which a plain getter does not need; capitals at the start (SS02, PR08, RT04), where symbols and
names of other parameters may stand; descriptions of results (RT02, RT03, RT05) whose shape says
it all."""


def public(module):
    """Return the public functions and classes of a module, and what these classes have."""
    for name, item in vars(module).items():
        if name.startswith("_") or getattr(item, "__module__", None) != module.__name__:
            continue
        if inspect.isfunction(item) or inspect.isclass(item):
            yield f"{module.__name__}.{name}", item
        if inspect.isclass(item):
            kinds = (property, cached_property, classmethod, staticmethod)
            yield from (
                (f"{module.__name__}.{name}.{member}", value)
                for member, value in vars(item).items()
                if not member.startswith("_")
                and (isinstance(value, kinds) or inspect.isfunction(value))
            )


def names():
    packages = (kurvs_pipeline, kurvs_sim, experiments)
    for package in packages:
        for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(info.name)
            yield info.name, module
            yield from public(module)


NAMES = dict(names())
COMPLETENESS = {"PR01", "PR07", "RT01", "YD01"}


def offered():
    """Return the objects that rooms of the libraries offer in their ``__all__``, by identity."""
    rooms = [item for item in NAMES.values() if inspect.ismodule(item)]
    rooms += [kurvs_pipeline, kurvs_sim, experiments]
    return {id(getattr(room, name)) for room in rooms for name in getattr(room, "__all__", ())}


OFFERED = offered()


def is_internal(name):
    """Whether no room offers a name, nor the class that it belongs to."""
    owner = NAMES.get(name.rpartition(".")[0])
    owners = {id(NAMES[name])} | ({id(owner)} if inspect.isclass(owner) else set())
    return not owners & OFFERED


def is_protocol(item):
    return getattr(item, "_is_protocol", False)


def has_keywords(item):
    """Whether a function or class takes arguments by keyword alone."""
    function = getattr(item, "__func__", item)
    if not (inspect.isfunction(function) or is_dataclass(function)):
        return False
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters)


def excused(item, docstring):
    """Return the checks that a name need not pass."""
    summary = docstring.partition("\n")[0]
    codes = set()
    if inspect.isclass(item) and (issubclass(item, Enum | BaseModel) or is_protocol(item)):
        codes |= {"PR01"}  # made from values, from a file, or not at all
    if re.search(r"^\*\*\w+\n    As in :class:", docstring, re.MULTILINE):
        codes |= {"PR01", "PR02"}  # fields of the base class, which documents them
    if has_keywords(item):
        codes |= {"PR03"}  # keywords may be told in the order that explains them best
    if re.search(r"\(:(class|func|meth):`", summary):
        codes |= {"PR01", "RT01"}  # implements what is documented there
    if re.match(r"(Return|Read|Draw|Write|Whether|Build|Convert|Invert)\b", summary):
        codes |= {"RT01", "YD01"}  # the summary says what is returned
    return codes


def problems(name):
    item = NAMES[name]
    if inspect.ismodule(item):
        return [] if inspect.getdoc(item) else [f"{name}: GL08 no docstring"]
    found = validate(name)
    excuses = excused(item, inspect.getdoc(item) or "")
    if is_internal(name):
        excuses |= COMPLETENESS
    return [f"{name}: {code} {message}" for code, message in found["errors"]
            if code in CHECKS and code not in excuses
            and not re.search(r"\{('_\w+'(, )?)+\}", message)]  # fmt: skip


@pytest.mark.parametrize("package", ["kurvs_pipeline", "kurvs_sim", "experiments"])
def test_public_names_have_docstrings_that_numpydoc_accepts(package):
    of_package = [name for name in NAMES if name.split(".")[0] == package]
    assert len(of_package) > 100
    assert [problem for name in of_package for problem in problems(name)] == []


def test_arrays_say_their_shape():
    missing = [
        f"{name}: {section}: {field.name} {field.type}"
        for name, item in NAMES.items()
        if not inspect.ismodule(item)
        for section in ("Parameters", "Returns")
        for field in NumpyDocString(inspect.getdoc(item) or "")[section]
        if re.match(r"(\w+ )?array\b", field.type)
        and "shape" not in " ".join([field.type, *field.desc])
    ]
    assert missing == []


def test_documented_parameters_stand_in_the_order_of_the_signature():
    """The check PR03 compares the order only where every parameter is documented."""
    misplaced = []
    for name, item in NAMES.items():
        fields = NumpyDocString(inspect.getdoc(item) or "")["Parameters"]
        documented = [one.strip("* ") for field in fields for one in field.name.split(",")]
        if documented and is_internal(name) and not has_keywords(item):
            signature = inspect.signature(getattr(item, "__func__", item)).parameters
            if documented != [one for one in signature if one in documented]:
                misplaced.append(f"{name}: {documented}")
    assert misplaced == []

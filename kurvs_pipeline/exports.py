"""Names that a package offers and imports only when they are used (PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module


def on_use(
    package: str, homes: Mapping[str, str]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """Return the ``__getattr__`` and ``__dir__`` of a package that imports what it offers on use.

    ``homes`` has the module that defines each name; for a submodule, it has the package's own name.
    A name is looked up once, and stands in the package from then on.
    """

    def attribute(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if homes[name] == package:
            return import_module(f"{package}.{name}")
        found = getattr(import_module(homes[name]), name)
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        known = vars(sys.modules[package])
        return sorted({*known["__all__"], *(name for name in known if name.startswith("__"))})

    return attribute, names

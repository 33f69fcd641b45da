"""Where the ``kurvs`` command starts: with its own packages, whatever lies on the path.

Many keep a folder ``experiments`` of their own, and with it on the path Python would take that.
Processes that a run starts import the script of the command, and so this module, first.
"""

import sys
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

_FOLDER = Path(__file__).resolve().parent / "experiments"


def _take_own() -> None:
    spec = spec_from_file_location(
        _FOLDER.name, _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
    )
    if not isinstance(spec, ModuleSpec) or spec.loader is None:
        raise ImportError(f"{_FOLDER} is not there; install kurvs again")
    module = module_from_spec(spec)
    sys.modules[_FOLDER.name] = module
    spec.loader.exec_module(module)


_take_own()

from experiments.cli import main  # noqa: E402 - from the package that was just found

__all__ = ["main"]

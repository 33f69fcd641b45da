"""What results come from: the version of kurvs with its commit, other software, and the run.

The build reads the version from here too (``pyproject.toml``), by loading this file alone: it
imports nothing but the standard library.
"""

import hashlib
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RELEASE = "0.1.0"

ARCHIVED_COMMIT = "$Format:%H$"
"""Filled in where git makes an archive of the repository."""

PACKAGES = ("experiments", "kurvs_pipeline", "kurvs_sim")
COMMIT_DIGITS = 12
DIGEST_DIGITS = 8

LIBRARIES = ("numpy", "scipy", "astropy", "numba", "xarray")
"""Other packages whose version may change a result's last digits."""

_ROOT = Path(__file__).resolve().parent.parent
_RUN: ContextVar[Mapping[str, object]] = ContextVar("run", default={})  # noqa: B039 - never changed


@lru_cache(maxsize=1)
def software_version() -> str:
    """Return the version of kurvs that runs, with the commit that it is of.

    Returns
    -------
    str
        Such as ``0.1.0+g1a2b3c4d5e6f``: release and commit, of the checkout that the code lies in
        or of what was built. Sources that differ from the commit add a digest of themselves,
        ``0.1.0+g1a2b3c4d5e6f.d01234567``; those of no known commit have it alone,
        ``0.1.0+d01234567``.
    """
    if not (_ROOT / "pyproject.toml").is_file():
        return _built_version()
    if (_ROOT / ".git").exists():
        commit, changes = _git("rev-parse", "HEAD"), _git("status", "--porcelain", "--", *PACKAGES)
        if commit and changes is not None:
            return _spelt(commit, modified=bool(changes))
        return _spelt("", modified=True)
    return _unpacked_version()


def commit_of(stated: str) -> str:
    """Return the commit in a version, shortened; empty for sources of no known commit.

    Parameters
    ----------
    stated : str
        As :func:`software_version` returns it.
    """
    found = re.search(r"\+g([0-9a-f]+)", stated)
    return found[1] if found else ""


@lru_cache(maxsize=1)
def software() -> dict[str, str]:
    """Return the versions of kurvs, of Python and of the libraries that results depend on."""
    return {
        "kurvs": software_version(),
        "python": platform.python_version(),
        **{name: version(name) for name in LIBRARIES},
    }


@contextmanager
def of_run(facts: Mapping[str, object]) -> Iterator[None]:
    """State what everything that is written within the context comes from.

    Parameters
    ----------
    facts : mapping
        Such as command, seed and checksums of input files, as JSON has them.

    Yields
    ------
    None
        To write within the context.
    """
    token = _RUN.set(facts)
    try:
        yield
    finally:
        _RUN.reset(token)


def provenance() -> dict[str, object]:
    """Return what is written now comes from: software, and the run that is under way."""
    return {**software(), **_RUN.get()}


def as_attribute(facts: Mapping[str, object] | None = None) -> dict[str, str]:
    """Return an attribute ``provenance`` for netCDF and zarr, as JSON.

    Parameters
    ----------
    facts : mapping, optional
        What it states; :func:`provenance` by default.
    """
    return {"provenance": json.dumps(provenance() if facts is None else dict(facts))}


def __getattr__(name: str) -> str:
    """Give ``__version__`` when it is asked for: git takes longer than the import of a package."""
    if name == "__version__":
        return software_version()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _built_version() -> str:
    """Return the version of an installed build."""
    try:
        return version("kurvs")
    except PackageNotFoundError:  # the packages alone, copied to where Python finds them
        return _spelt("", modified=True)


def _unpacked_version() -> str:
    """Return the version of a source distribution, or of an archive of the repository."""
    try:
        header = (_ROOT / "PKG-INFO").read_text(encoding="utf-8")
    except OSError:
        known = re.fullmatch("[0-9a-f]{40}", ARCHIVED_COMMIT)
        return _spelt(ARCHIVED_COMMIT if known else "", modified=not known)
    found = re.search(r"^Version: (\S+)$", header, re.MULTILINE)
    return found[1] if found else _spelt("", modified=True)


def _spelt(commit: str, *, modified: bool) -> str:
    parts = [f"g{commit[:COMMIT_DIGITS]}"] if commit else []
    if modified:
        parts.append(f"d{_digest_of_sources()}")
    return f"{RELEASE}+{'.'.join(parts)}"


def _digest_of_sources() -> str:
    digest = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((_ROOT / package).rglob("*.*")):
            if path.suffix in {".py", ".csv"}:
                digest.update(f"{path.relative_to(_ROOT).as_posix()}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:DIGEST_DIGITS]


def _git(*arguments: str) -> str | None:
    """Return what git says of the checkout; None where it is not installed or refuses."""
    # In a hook, git's own variables name another repository.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            ["git", "--no-optional-locks", "-C", _ROOT, *arguments],  # noqa: S607 - the user's git
            capture_output=True, text=True, check=True, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()

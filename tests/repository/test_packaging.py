"""What is distributed: versions that are tried, a source that tests itself, links that hold."""

import re
import shutil
import subprocess
import tomllib

import pytest
from paths import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PACKAGES = ("kurvs_sim/", "kurvs_pipeline/", "experiments/")
ALWAYS = {"pyproject.toml", "README.md", "DESCRIPTION.md", "LICENSE"}
"""What setuptools takes along unasked."""


def pins(name):
    lines = (ROOT / name).read_text().splitlines()
    return dict(re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][\w.]*)", line).groups() for line in lines)


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def release(version):
    return tuple(int(part) for part in re.sub(r"(\.0)+$", "", version).split("."))


def test_lowest_versions_are_those_that_ci_installs_and_tests():
    lowest = {normal(name): version for name, version in pins("constraints-lowest.txt").items()}
    stated = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"]
    parts = [re.match(r"([\w.-]+)(?:\[.*?\])?>=([\d.]+)", line).groups() for line in stated]
    assert {name: release(lowest[normal(name)]) for name, _ in parts} == {
        name: release(version) for name, version in parts
    }
    assert "constraints-lowest.txt" in (ROOT / ".ci" / "run").read_text()


def test_a_store_needs_versions_that_can_write_it():
    """Zarr before 3.1.4 cannot write stores, xarray before 2025.11 drops units of coordinates."""
    lowest = pins("constraints-lowest.txt")
    assert release(lowest["zarr"]) >= (3, 1, 4)
    assert release(lowest["xarray"]) >= (2025, 11)


def manifest():
    """Return files and folders that MANIFEST.in takes along."""
    files, folders = set(), []
    for line in (ROOT / "MANIFEST.in").read_text().splitlines():
        verb, _, rest = line.partition(" ")
        if verb == "include":
            files |= set(rest.split())
        elif verb == "graft":
            folders.append(f"{rest}/")
    return files, tuple(folders)


def test_the_source_distribution_holds_all_that_is_tracked():
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked is not known")
    listed = subprocess.run(  # noqa: S603 - a fixed command
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = {name for name in listed.stdout.split("\0") if name}
    files, folders = manifest()
    left = {name for name in tracked - files - ALWAYS if not name.startswith(folders + PACKAGES)}
    assert left == set()


def test_the_description_of_the_package_links_to_nothing_beside_it():
    text = (ROOT / PROJECT["readme"]).read_text()
    assert [t for t in re.findall(r"\]\(([^)]+)\)", text) if not t.startswith("https://")] == []


def test_project_urls_are_those_of_the_citation():
    citation = (ROOT / "CITATION.cff").read_text()
    for url in PROJECT["urls"].values():
        identifier = url.rpartition("/")[2]
        assert identifier in citation

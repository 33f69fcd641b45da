"""The version of a checkout, of what was built from it, and of copies without git."""

import json
import re
import runpy
import shutil
import subprocess
from pathlib import Path

import pytest
import xarray as xr
from astropy.table import Table

import kurvs_pipeline
from kurvs_pipeline import provenance
from kurvs_pipeline.io.files import checksum
from kurvs_pipeline.io.fits.writing import write_eso
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.io.tables import write_table
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.results import read_results, write_results
from kurvs_sim import Galaxy, observe

RELEASE = re.escape(provenance.RELEASE)


@pytest.fixture
def source(tmp_path):
    """Return a folder with the file that knows the version, and one more module."""
    package = tmp_path / "source" / "kurvs_pipeline"
    package.mkdir(parents=True)
    shutil.copy(provenance.__file__, package)
    (package / "module.py").write_text("X = 1\n")
    (tmp_path / "source" / "pyproject.toml").write_text("")
    return tmp_path / "source"


def version_of(source: Path) -> str:
    """Return the version that the file in a folder states, loaded alone as the build does."""
    return runpy.run_path(str(source / "kurvs_pipeline" / "provenance.py"))["software_version"]()


def git(folder, *arguments):
    who = ["-c", "user.name=A", "-c", "user.email=a@b.c"]
    done = subprocess.run(  # noqa: S603 - fixed commands
        ["git", "-C", folder, *who, *arguments],  # noqa: S607
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout.strip()


def commit(source):
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message", "x")
    return git(source, "rev-parse", "HEAD")


@pytest.fixture
def checkout(source):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    (source / ".gitattributes").write_text("kurvs_pipeline/provenance.py export-subst\n")
    git(source, "init", "--quiet")
    commit(source)
    return source


def test_a_checkout_names_its_commit(checkout):
    first = git(checkout, "rev-parse", "HEAD")
    assert version_of(checkout) == f"{provenance.RELEASE}+g{first[:12]}"
    (checkout / "kurvs_pipeline" / "module.py").write_text("X = 2\n")
    second = commit(checkout)
    assert version_of(checkout) == f"{provenance.RELEASE}+g{second[:12]}"
    assert provenance.commit_of(version_of(checkout)) == second[:12]


def test_changes_that_are_not_committed_change_the_version(checkout):
    clean, found = version_of(checkout), set()
    for value in (2, 3):
        (checkout / "kurvs_pipeline" / "module.py").write_text(f"X = {value}\n")
        found.add(version_of(checkout))
    assert len(found) == 2
    assert all(re.fullmatch(re.escape(clean) + r"\.d[0-9a-f]{8}", version) for version in found)


def test_pages_and_tests_do_not_change_the_version(checkout):
    clean = version_of(checkout)
    (checkout / "README.md").write_text("more")
    assert version_of(checkout) == clean


def test_a_shallow_clone_names_the_same_commit(checkout, tmp_path):
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{checkout}", str(shallow))
    assert version_of(shallow) == version_of(checkout)


def test_an_archive_of_the_repository_names_its_commit(checkout, tmp_path):
    packed, unpacked = tmp_path / "x.tar", tmp_path / "unpacked"
    git(checkout, "archive", "--output", str(packed), "HEAD")
    shutil.unpack_archive(packed, unpacked)
    head = git(checkout, "rev-parse", "HEAD")
    assert version_of(unpacked) == f"{provenance.RELEASE}+g{head[:12]}"


def test_a_source_distribution_has_the_version_that_it_was_made_with(source):
    stated = f"{provenance.RELEASE}+g0123456789ab"
    (source / "PKG-INFO").write_text(f"Metadata-Version: 2.4\nName: kurvs\nVersion: {stated}\n")
    assert version_of(source) == stated


def test_sources_of_no_known_commit_have_a_digest(source):
    before = version_of(source)
    assert re.fullmatch(RELEASE + r"\+d[0-9a-f]{8}", before)
    (source / "kurvs_pipeline" / "module.py").write_text("X = 2\n")
    assert version_of(source) != before


def test_a_checkout_without_git_has_a_digest(checkout, monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert re.fullmatch(RELEASE + r"\+d[0-9a-f]{8}", version_of(checkout))


def test_the_package_states_this_version():
    assert kurvs_pipeline.__version__ == provenance.software_version()


def test_every_table_says_what_it_comes_from(tmp_path):
    with provenance.of_run({"command": "recover", "seed": 3}):
        write_table(Table({"x": [1]}), tmp_path / "x.ecsv")
    found = Table.read(tmp_path / "x.ecsv").meta["provenance"]
    assert {"kurvs", "python", "numpy", "scipy", "astropy", "numba"} <= set(found)
    assert (found["kurvs"], found["seed"]) == (provenance.software_version(), 3)
    write_table(Table({"x": [1]}), tmp_path / "x.ecsv")
    assert "seed" not in Table.read(tmp_path / "x.ecsv").meta["provenance"]


def test_a_measured_galaxy_says_what_it_comes_from(tmp_path):
    galaxy = Galaxy(name="disk", redshift=1.5, inclination_deg=30.0)
    mock = observe(galaxy, bands=["H"], halpha_snr=50.0, within_kms_of_lines=3000.0, seed=1)
    assert json.loads(mock.attrs["provenance"])["kurvs"] == provenance.software_version()
    path = write_eso(mock, tmp_path)["H"]
    measured = Pipeline("2x0.6", seed=4).run(read_observation(path))
    write_results(measured, tmp_path / "out")
    assert measured.provenance["inputs_sha256"] == {str(path): checksum(path)}
    assert measured.provenance["seed"] == 4
    assert measured.provenance["scheme"] == "0.0-0.6-1.2"
    assert read_results(tmp_path / "out").provenance == measured.provenance
    table = Table.read(tmp_path / "out" / "gradients.ecsv")
    assert table.meta["provenance"] == measured.provenance
    with xr.open_datatree(tmp_path / "out" / "measurement.nc", engine="h5netcdf") as tree:
        assert json.loads(tree.attrs["provenance"]) == measured.provenance

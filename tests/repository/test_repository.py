"""Rules that the repository keeps."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from paths import ROOT

PACKAGES = ("kurvs_sim", "kurvs_pipeline", "experiments")
COMMON_GROUND = {
    "abundances", "arguments", "arrays", "bands", "cosmology", "dust", "errors", "exports", "io",
    "lines", "observation", "provenance", "representation",
}  # fmt: skip
"""Of docs/decisions/04: what measures is not used to make what is measured."""


def modules():
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


def code_blocks(language):
    return re.findall(rf"```{language}\n(.*?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)


def documents():
    return [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]


def test_nothing_is_left_to_do():
    marker = re.compile(r"\b(TODO|FIXME|XXX)\b")
    files = [*modules(), *documents(), ROOT / "pyproject.toml", ROOT / ".ci" / "run"]
    assert [path.name for path in files if marker.search(path.read_text())] == []


def tracked_text():
    """Return the text of every file under version control, by name."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: what is tracked is not known")
    listed = subprocess.run(  # noqa: S603 - a fixed command
        [git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return {
        str(path.relative_to(ROOT)): path.read_text(errors="ignore")
        for path in paths
        if path.is_file()
    }


def test_no_tracked_file_names_a_folder_of_one_machine():
    folder = re.compile(r"(?<![\w.~/$}])/(home|root|tmp|work|Users|mnt)/\w")
    assert [name for name, text in tracked_text().items() if folder.search(text)] == []


def test_no_tracked_file_names_a_package_host():
    host = re.compile(r"--(extra-)?index-url|--trusted-host|pypi\.[a-z]")
    own = Path(__file__).name
    named = [name for name, text in tracked_text().items() if host.search(text)]
    assert [name for name in named if Path(name).name != own] == []


def test_ci_runs_the_test_command_of_the_readme():
    tests = [block for block in code_blocks("sh") if "pytest" in block]
    assert len(tests) == 1
    assert f"\n{tests[0]}\n" in (ROOT / ".ci" / "run").read_text()


def test_ci_can_be_executed():
    assert (ROOT / ".ci" / "run").stat().st_mode & 0o111


def test_the_first_command_of_the_readme_is_the_main_job():
    assert code_blocks("sh")[0].endswith("kurvs recover")


def test_commands_of_the_readme_exist():
    shown = {
        match for block in code_blocks("sh") for match in re.findall(r"kurvs ([a-z-]+)", block)
    }
    done = subprocess.run(
        [sys.executable, "-c", "from experiments.cli import main; main()", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert shown == {
        "recover", "simulate", "measure", "fit-spectra", "plot", "stack", "calibrations", "fgrad",
        "survey",
        "report", "rerun", "binning", "ablate", "plan",
        "demo",
    }  # fmt: skip
    assert all(f"\n  {command} " in done.stdout for command in shown)


def test_files_that_examples_of_the_readme_read_are_those_that_earlier_ones_write():
    """Names in capitals are the reader's own files."""
    galaxy = tomllib.loads((ROOT / "examples" / "galaxy.toml").read_text())["galaxy"]["name"]
    written = {"mock": galaxy, "kurvs-9": "KURVS-9"}
    made = {f"{folder}/{name}_{band}.fits" for folder, name in written.items()
            for band in ("IZ", "YJ", "H")}  # fmt: skip
    text = "\n".join(code_blocks("sh"))
    read = set(re.findall(r"[\w./-]+\.fits", text))
    assert {name for name in read if not name.split(".")[0].isupper()} <= made
    for folder in written:
        assert f" --output {folder}\n" in text
    assert all((ROOT / name).is_file() for name in re.findall(r"examples/[\w.-]+", text))


def test_the_python_example_of_the_readme_runs(capsys):
    (example,) = code_blocks("python")
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own text
    assert "slope_fgrad" in capsys.readouterr().out


def test_constraints_pin_versions_and_nothing_else():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert lines
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][\w.]*", line)] == []


def test_constraints_pin_every_direct_dependency():
    pyproject = (ROOT / "pyproject.toml").read_text()
    listed = re.search(r"\ndependencies = \[(.*?)\n\]", pyproject, re.DOTALL)[1]
    extra = re.search(r"\ntest = \[(.*?)\n\]", pyproject, re.DOTALL)[1]
    needed = {
        name.lower() for name in re.findall(r'^\s*"([A-Za-z0-9._-]+)', listed + extra, re.MULTILINE)
    }
    pinned = {
        line.split("==")[0].lower() for line in (ROOT / "constraints.txt").read_text().splitlines()
    }
    assert needed - pinned == set()


def test_links_between_documents_lead_somewhere():
    broken = []
    for document in documents():
        targets = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
        broken += [t for t in targets if not (document.parent / t).exists()]
    assert broken == []


def test_the_pipeline_never_opens_the_truth():
    opened = re.compile(r"""\[["']/?truth["']|get\(["']/?truth|\.truth\b""")
    pipeline = [path for path in modules() if "kurvs_pipeline" in path.parts]
    assert [path.name for path in pipeline if opened.search(path.read_text())] == []


def test_the_simulator_takes_nothing_but_common_ground_from_the_pipeline():
    taken = re.compile(r"^\s*(?:from|import) kurvs_pipeline\.(\w+)", re.MULTILINE)
    simulator = [path for path in modules() if "kurvs_sim" in path.parts]
    found = {name for path in simulator for name in taken.findall(path.read_text())}
    assert found <= COMMON_GROUND


def test_import_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    if not linter.is_file():
        pytest.skip("import-linter is not installed: pip install '.[test]'")
    done = subprocess.run([linter], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603
    assert done.returncode == 0, done.stdout

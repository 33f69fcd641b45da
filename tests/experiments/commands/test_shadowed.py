"""A folder ``experiments`` of the user's own, on the path, does not stand in for the command's."""

import os
import subprocess
import sys

import pytest
from paths import ROOT

SCRIPT = "import sys\nfrom kurvs_command import main\nif __name__ == '__main__':\n    main()\n"
"""As pip writes it for the command."""


@pytest.fixture(params=["a package", "a folder"])
def kurvs(request, tmp_path):
    """Return a function that runs a command line with such a folder on the path."""
    own = tmp_path / "path" / "experiments"
    own.mkdir(parents=True)
    (own / "cli.py").write_text("raise SystemExit('not this one')\n")
    if request.param == "a package":
        (own / "__init__.py").write_text("")
    script = tmp_path / "kurvs"
    script.write_text(SCRIPT)

    def run(*arguments):
        path = {"PYTHONPATH": f"{own.parent}{os.pathsep}{ROOT}"}
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, script, *arguments], env={**os.environ, **path}, cwd=tmp_path,
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


def test_the_version_is_shown(kurvs):
    done = kurvs("--version")
    assert (done.returncode, done.stdout[:6]) == (0, "kurvs "), done.stderr


def test_workers_run_the_command_s_own_code(kurvs):
    arguments = ("--gradients", "0", "--workers", "2", "--quiet", "--output", "out")
    done = kurvs("recover", *arguments)
    assert done.returncode == 0, done.stderr

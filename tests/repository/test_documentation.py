"""What the documentation says is true of the code."""

import json
import re
import tomllib

import pytest
import yaml
from paths import DOCS, ROOT
from typer.main import get_command

from experiments.cli import app
from kurvs_pipeline import bands
from kurvs_pipeline.abundances import diagnostics as abundances
from kurvs_pipeline.io import LAYOUTS
from kurvs_pipeline.provenance import RELEASE

PAGES_WITH_CODE = ("tour.md", *(f"how-to/{path.name}" for path in (DOCS / "how-to").glob("*.md")))
NOTEBOOKS = sorted((DOCS / "notebooks").glob("*.ipynb"))


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)\n```", (DOCS / page).read_text(), re.DOTALL)


def sources():
    """Return every hand-written page."""
    return [path for path in DOCS.rglob("*.md") if "generated" not in path.parts]


@pytest.fixture
def registries():
    """Give back the tables that the how-tos add to."""
    known = [(table, dict(table)) for table in (bands.KMOS_BANDS, abundances.DIAGNOSTICS)]
    layouts = list(LAYOUTS)
    yield
    LAYOUTS[:] = layouts
    for table, before in known:
        table.clear()
        table.update(before)


@pytest.mark.usefixtures("registries")
@pytest.mark.parametrize("page", PAGES_WITH_CODE)
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), namespace)  # noqa: S102 - our own text


def commands(text):
    """Return the words of every call of the command."""
    calls = re.findall(r"^(?:\S*/)?kurvs (.+)$", text, re.MULTILINE)
    return [call.split() for call in calls if not call.startswith("-")]


def options_of(command):
    return {option for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)}  # fmt: skip


def test_options_that_the_pages_name_exist():
    known = {option for command in get_command(app).commands.values()
             for option in options_of(command)}  # fmt: skip
    text = "\n".join((DOCS / page).read_text() for page in PAGES_WITH_CODE)
    assert set(re.findall(r"`(--[a-z-]+)", text)) <= known


def test_commands_of_the_pages_and_their_options_exist():
    known = get_command(app).commands
    shown = [call for page in PAGES_WITH_CODE for block in blocks(page, "sh")
             for call in commands(block)]  # fmt: skip
    assert shown
    for name, *words in shown:
        assert {word for word in words if word.startswith("--")} <= options_of(known[name]), name


def test_every_figure_and_table_is_on_the_validation_page():
    page = (DOCS / "validation.md").read_text()
    made = [*DOCS.glob("images/*.png"), *DOCS.glob("*.ecsv")]
    assert [path.name for path in made if f"({path.relative_to(DOCS)})" not in page] == []


def test_programs_of_the_pages_exist():
    text = "\n".join(path.read_text() for path in sources())
    modules = set(re.findall(r"python -m ([\w.]+)", text)) - {"venv"}
    scripts = set(re.findall(r"python (\w+/\w+\.py)", text))
    named = [*(f"{module.replace('.', '/')}.py" for module in modules), *scripts]
    assert len(named) > 5
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_page_can_be_reached():
    text = "\n".join(path.read_text() for path in sources())
    trees = re.findall(r"```{toctree}\n(.*?)```", text, re.DOTALL)
    listed = {line.rpartition("/")[2] for tree in trees for line in tree.splitlines()}
    pages = [path for path in sources() if path.stem != "index" and path.parent.name != "decisions"]
    assert [path.name for path in pages if path.stem not in listed] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_what_they_print(path):
    cells = json.loads(path.read_text())["cells"]
    assert all(not cell["outputs"] for cell in cells if cell["cell_type"] == "code")


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert citation["version"] == RELEASE
    assert citation["license"] == project["license"]
    # What the format, 1.2.0, asks of every file.
    assert citation["cff-version"] == "1.2.0"
    assert all(citation[key] for key in ("message", "title", "authors"))
    for reference in citation["references"]:
        assert all(reference[key] for key in ("type", "title", "authors"))

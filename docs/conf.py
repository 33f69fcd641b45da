"""The documentation: `sphinx-build -W --keep-going -n docs build/docs`.

Nothing is fetched while it is built or read: equations become MathML, which browsers draw
themselves, and theme and fonts are local.
"""

from docutils.nodes import SkipNode, math, math_block
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, NumpyDocstring
from sphinx.writers.html5 import HTML5Translator

from kurvs_pipeline import __version__

project = "kurvs"
author = "The KURVS simulator developers"
release = __version__
html_title = f"kurvs {release}"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
]
templates_path = ["_templates"]
exclude_patterns = ["_templates"]
html_theme = "furo"
html_copy_source = False
html_show_copyright = False

# Pages. Headings can be linked to, as on a code host.
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 3
# Notebooks are kept without output, and run here: a cell that fails ends the build. What was run
# is kept beside the pages, so that a second build does not run it again.
nb_execution_mode = "cache"
nb_execution_raise_on_error = True
nb_execution_timeout = 600
# Warnings of other packages name the folders of the machine that ran them.
nb_output_stderr = "remove"

# The API. Types stand in the docstrings, in words and with shapes, so signatures have none.
autosummary_generate = True
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = True
# Names of other projects: their inventories would have to be fetched.
nitpick_ignore_regex = [("py:.*", r"(?!(kurvs_|experiments)).*")]


_PLAIN_TYPES = Config(napoleon_use_param=False, napoleon_use_rtype=False)


def _sections(
    app: Sphinx, what: str, name: str, item: object, options: object, lines: list[str]
) -> None:
    """Lay out the sections of a docstring.

    Napoleon itself takes what stands before a colon in the text of a constant or property for
    its type.
    """
    if what not in {"attribute", "data"}:
        kind = "method" if what == "property" else what
        lines[:] = NumpyDocstring(lines, _PLAIN_TYPES, app, kind, name, item, options).lines()


def _fields(
    _app: Sphinx, _what: str, _name: str, item: object, _skip: object, _options: object
) -> bool | None:
    """Leave out fields of named tuples, which Python says are aliases; their class tells them."""
    return True if type(item).__name__ == "_tuplegetter" else None


def _inline(self: HTML5Translator, node: math) -> None:
    self.body.append(tex2mathml(node.astext()))
    raise SkipNode


def _display(self: HTML5Translator, node: math_block) -> None:
    self.body.append(f'<div class="equation">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app: Sphinx) -> None:
    """Read docstrings, and draw equations as MathML."""
    app.connect("autodoc-process-docstring", _sections)
    app.connect("autodoc-skip-member", _fields)
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None),
                               block_renderers=(_display, None))  # fmt: skip


html_math_renderer = "mathml"

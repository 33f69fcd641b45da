"""Options that commands share, and how their values are read."""

from pathlib import Path
from typing import Annotated

import typer

from kurvs_pipeline.errors import ConfigurationError

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Folder for the results. [default: kurvs-out/COMMAND, numbered where it exists]",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random draws.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show nothing but errors.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show decisions, library warnings and tracebacks.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results that DIR holds.")]


def require_place(*, resume: bool, output: Path | None) -> None:
    """Refuse to resume a run without being told where it is.

    Raises
    ------
    ConfigurationError
        If there is no ``--output``.
    """
    if resume and output is None:
        raise ConfigurationError(
            "--resume goes on with what is there: give the --output DIR of the run that was "
            "interrupted"
        )

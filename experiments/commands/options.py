"""Options that commands share, and how their values are read."""

from pathlib import Path
from typing import Annotated

import typer

Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Folder for the results. [default: kurvs-out/COMMAND, numbered where it exists]",
        show_default=False,
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes.")]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS",
        help="Of a Dask cluster that runs already, instead of processes.",
    ),
]  # fmt: skip
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Go on with the run in --output; failures are tried again."),
]
Seed = Annotated[int, typer.Option("--seed", min=0, help="Seed of all random draws.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show nothing but errors.")]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show decisions, library warnings and tracebacks.")
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the results that DIR holds.")]

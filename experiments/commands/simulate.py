"""``kurvs simulate``: one mock galaxy as KMOS cubes."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs simulate examples/galaxy.toml
  kurvs simulate examples/galaxy.toml --seed 7 --output mock-7
  kurvs simulate --kurvs-id 9 --format netcdf
  kurvs simulate --kurvs-id 9 --halpha-snr 60 --bands IZ,YJ,H
  kurvs simulate --kurvs-id 9 --layout flux-err
  kurvs simulate examples/galaxy.toml --every-exposure
  kurvs simulate --kurvs-id 9 --describe > mine.toml
  kurvs simulate --schema > mock.schema.json
"""


class Format(StrEnum):
    """Layout of the cubes."""

    ESO = "eso"
    FLUX_ERR = "flux-err"
    SURVEY = "survey"
    NETCDF = "netcdf"
    ZARR = "zarr"


def _show_schema(asked: bool) -> None:  # noqa: FBT001 - typer calls it so
    if asked:
        import json

        from kurvs_sim.configuration.file import mock_schema

        typer.echo(json.dumps(mock_schema(), indent=2))
        raise typer.Exit


def simulate(
    galaxy: Annotated[
        Path | None,
        typer.Argument(metavar="GALAXY.toml", help="The galaxy and how it is observed."),
    ] = None,
    *,
    kurvs_id: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="A galaxy of the survey instead, 1-44, without 37: in the bands in which it was "
            "observed, with the noise that its exposures are expected to have.",
        ),
    ] = None,
    halpha_snr: Annotated[
        float | None,
        typer.Option(
            metavar="S/N",
            help="Expected S/N of H-alpha in 1.5 effective radii, in place of that of the file or "
            "of the survey's exposures.",
            show_default=False,
        ),
    ] = None,
    bands: Annotated[
        str | None,
        typer.Option(
            metavar="BANDS",
            help="In place of those of the file or of the survey: IZ,YJ,H or some of them.",
            show_default=False,
        ),
    ] = None,
    layout: Annotated[
        Format,
        typer.Option(
            "--format",
            "--layout",
            help="ESO pipeline (FITS); FLUX, ERR, MASK and STAT for specutils, jdaviz and mpdaf "
            "(FITS); the survey's own (FITS, without noise); or all bands with noise and truth in "
            "one netCDF file or zarr store.",
        ),
    ] = Format.ESO,
    _schema: Annotated[
        bool,
        typer.Option(
            "--schema",
            callback=_show_schema,
            is_eager=True,
            help="Print the JSON schema of GALAXY.toml, and leave.",
        ),
    ] = False,
    within_kms_of_lines: Annotated[
        float | None,
        typer.Option(
            metavar="KMS",
            help="Keep only the channels from so far before the first line of a band to so far "
            "after its last: 3000 is enough for `kurvs measure`, 10000 with residuals of sky "
            "lines. [default: all channels]",
            show_default=False,
        ),
    ] = None,
    describe: Annotated[
        bool,
        typer.Option(
            "--describe",
            help="Print the mock as a GALAXY.toml that states every property of the galaxy, and "
            "leave: a start for mocks of your own.",
        ),
    ] = False,
    every_exposure: Annotated[
        bool,
        typer.Option(
            "--every-exposure",
            help="Simulate each exposure of the stack by itself and average them, in place of one "
            "cube behind their average seeing. A round seeing becomes the median of a random "
            "sequence of 24 exposures; psf.kind = exposure_sequence states the sequence, and other "
            "kinds are refused. Slower.",
        ),
    ] = False,
    output: Output = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the noise. [default: the file's]", show_default=False),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Simulate the cubes of one galaxy.

    examples/galaxy.toml explains the keys that most mocks need; --schema lists all. Writes
    NAME_IZ.fits, NAME_YJ.fits and NAME_H.fits (--format survey: FIELD/BAND/NAME.fits, netcdf:
    NAME.nc, zarr: NAME.zarr), truth.nc, preview.png and run.json.
    """
    from experiments.mocks.simulating import Mock, run_simulate
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal

    terminal = Terminal(quiet=quiet, debug=debug)
    mock = Mock.chosen(galaxy, kurvs_id, seed=seed)
    if halpha_snr is not None:
        mock = mock.with_halpha_snr(halpha_snr)
    if bands is not None:
        mock = mock.observed(bands=tuple(dict.fromkeys(bands.split(","))))
    if within_kms_of_lines is not None:
        mock = mock.observed(within_kms_of_lines=within_kms_of_lines)
    if every_exposure:
        mock = mock.observed(every_exposure=True)
    if layout is Format.SURVEY:
        mock = mock.at_middle_of_spaxel()
    if describe:
        typer.echo(mock.as_toml(), nl=False)
        raise typer.Exit
    with start_run(
        "simulate",
        output=output,
        overwrite=overwrite,
        configuration={
            "galaxy": galaxy, "kurvs_id": kurvs_id, "format": layout.value, **mock.description,
        },
        seed=mock.seed,
        inputs=[] if galaxy is None else [galaxy],
    ) as run:  # fmt: skip
        run_simulate(mock, layout=layout.value, run=run, progress=terminal.progress)
    terminal.show(mock.noise_in_words)
    terminal.show(f"Results in {run.directory}")

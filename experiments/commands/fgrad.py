"""``kurvs fgrad``: the correction for beam smearing, and what it depends on."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

import math
from pathlib import Path
from typing import Annotated

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet

EXAMPLES = """\b
Examples:
  kurvs fgrad
  kurvs fgrad --seeing 0.5 --psf-beta 3 --gradient -0.05
  kurvs fgrad --scheme 3x0.7re --inclination 60 --effective-radius 0.45
  kurvs fgrad --curves shared/reference/gillman21
"""


def fgrad(
    *,
    seeing: Annotated[float, typer.Option(metavar="ARCSEC", help="Full width at half-max.")] = 0.6,
    psf_beta: Annotated[
        float | None, typer.Option(help="Moffat wings of the seeing; a Gaussian otherwise.")
    ] = None,
    gradient: Annotated[
        float, typer.Option(metavar="DEX/KPC", help="Intrinsic, that f_grad is for.")
    ] = -0.02,
    scheme: Annotated[
        str, typer.Option(metavar="ANNULI", help="As for measure: 3x0.5, 0-0.4-1.0, 3x0.7re.")
    ] = "3x0.5",
    redshift: Annotated[float, typer.Option(min=0.01, help="For kpc on the sky.")] = 1.5,
    inclination: Annotated[
        float | None, typer.Option(metavar="DEG", help="Of one galaxy, to print its f_grad.")
    ] = None,
    effective_radius: Annotated[
        float | None, typer.Option(metavar="ARCSEC", help="Of the same.")
    ] = None,
    curves: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Curves of Gillman et al. (2021), to draw beside."),
    ] = None,
    output: Output = None,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Compute f_grad, intrinsic over observed gradient, of disks seen through seeing.

    Writes fgrad.nc, a map of inclination and effective radius, fgrad.png, with the map and what
    else f_grad depends on, and run.json. Disks are exponential with q0 of 0.2, annuli of equal
    weight, by the survey's N2.
    """
    from experiments.beam_smearing.f_grad import GillmanCurves
    from experiments.beam_smearing.figure import DISKS_DRAWN, f_grad_figure
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal
    from kurvs_pipeline.binning import BinningScheme
    from kurvs_pipeline.errors import ConfigurationError
    from kurvs_pipeline.smearing.f_grad_map import (
        INCLINATIONS_DEG,
        RADII_ARCSEC,
        FGradMap,
        SmearedDisks,
    )
    from kurvs_pipeline.smearing.point_spread import Seeing

    if (inclination is None) != (effective_radius is None):
        raise ConfigurationError(
            "one of --inclination and --effective-radius is given; expected both or none"
        )
    kind = "gaussian" if psf_beta is None else "moffat"
    disks = SmearedDisks(
        seeing=Seeing(seeing, kind, math.nan if psf_beta is None else psf_beta),
        gradient=gradient, scheme=BinningScheme.parse(scheme), redshift=redshift,
    )  # fmt: skip
    published = None if curves is None else GillmanCurves.read(curves).curves
    terminal = Terminal(quiet=quiet, debug=debug)
    configuration = {
        "seeing": seeing, "psf_beta": psf_beta, "gradient": gradient, "scheme": scheme,
        "redshift": redshift, "curves": curves,
    }  # fmt: skip
    with start_run(
        "fgrad", output=output, overwrite=overwrite, configuration=configuration,
        inputs=[] if curves is None else sorted(curves.glob("*.csv")),
    ) as run:  # fmt: skip
        number = INCLINATIONS_DEG.size * RADII_ARCSEC.size + DISKS_DRAWN
        with terminal.progress("disks", number) as advance:
            known = disks.map(advance=advance)
            figure = f_grad_figure(disks, known=known, curves=published, advance=advance)
        told = []
        if inclination is not None and effective_radius is not None:
            value = FGradMap(known)(inclination, effective_radius)
            told = [f'f_grad at {inclination:g} deg, {effective_radius:g}": {value:.2f}']
        with run.writing() as directory:
            known.to_netcdf(directory / "fgrad.nc", engine="h5netcdf")
            figure.savefig(directory / "fgrad.png", dpi=120)
    for line in told:
        terminal.show(line)
    terminal.show(f"Results in {run.directory}")

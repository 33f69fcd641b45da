"""``kurvs measure``: from the cubes of one galaxy, or of many, to metallicity gradients."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet, Seed
from experiments.measuring.settings import SETTINGS, GalaxySettings, by_option, with_options

if TYPE_CHECKING:
    from experiments.measuring.many_galaxies import Failure

SOME_FAILED = 2
"""Exit code if some galaxies of a catalogue could not be measured."""

EXAMPLES = """\b
Estimators of gradients.ecsv, best first:
  forward        disk that explains the fluxes of all annuli, detected or not,
                 through the seeing: quote it. An average of many galaxies is
                 biased by about -0.004 dex/kpc (docs/gradient-estimators.md)
  forward_prior  the same with the population, 0 +- 0.04 dex/kpc, as prior: best
                 guess of one faint or compact galaxy, not to be averaged
  slope_fgrad    slope times the beam-smearing correction: beside published ones
  slope          line through the detected annuli, flattened by the seeing
  A flag other than ok says why a number is not to be taken at its word.
\b
Attenuation:
  balmer         from H-alpha/H-beta of the aperture
  stack          of the survey's stacked galaxies, where H-beta is not detected
                 or H-alpha/H-beta is below 2.86; at 1 < z < 2, or at any z with
                 --stack-attenuation
  stated         of --attenuation, likewise
  none           not known: none of these; abundances that need A_V are left
                 out, with the flag attenuation_unknown
  lower_limit    where H-beta is too faint for that: abundances that need A_V
                 are then left out, with the flag attenuation_limit
  negative_hbeta where H-beta is more negative than noise makes it: A_V is not
                 known, and the same are left out, with this flag
\b
Examples:
  kurvs measure mock_IZ.fits mock_YJ.fits mock_H.fits
  kurvs measure cube.fits --redshift 0.975 --inclination 0 --scheme 3x0.4
  kurvs measure mock_H.fits --scheme 3x0.7re
  kurvs measure cut-out.fits --redshift 1.5396 --inclination 0 --scheme 1x1.1
      --wavelength-start 1.661539 --wavelength-step 2.158203e-4
  kurvs measure sci_reconstructed.fits --target cdfs_30267 --redshift 1.54 --inclination 41
  kurvs measure cube.fits --redshift 0.975 --inclination 0 --centre-by continuum
  kurvs measure iz.fits yj.fits --redshift 0.6 --inclination 0 --attenuation 0.8 0.3
  kurvs measure mock_H.fits --velocity-map velocities.fits
  kurvs measure mock_H.fits --psf-star star.fits
  kurvs measure mock_YJ.fits mock_H.fits --log-stellar-mass 10.3 --log-stellar-mass-err 0.1
  kurvs measure mock_YJ.fits mock_H.fits --broad-halpha --balmer-absorption 2 3
  kurvs measure --catalogue galaxies.csv --seeing 0.6 --workers 4 --output survey
  kurvs measure --catalogue galaxies.csv --seeing 0.6 --output survey --resume
"""

COLUMNS = ", ".join(column for setting in SETTINGS.values() for column in setting.columns)


@with_options
def measure(
    cubes: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CUBE...", help="FITS cubes of one galaxy, one to three bands."),
    ] = None,
    *,
    use_quality: Annotated[
        bool, typer.Option("--use-quality/--ignore-quality", help="Leave out flagged voxels.")
    ] = True,
    ignore_checksum: Annotated[
        bool,
        typer.Option(
            "--ignore-checksum",
            help="Read FITS files that are not what their CHECKSUM and DATASUM say.",
        ),
    ] = False,
    scheme: Annotated[
        str,
        typer.Option(
            metavar="ANNULI",
            help="Number and width, 3x0.5, or edges, 0-0.4-1.0, in arcsec; 3x0.7re in "
            "effective radii.",
        ),
    ] = "3x0.5",
    centre_by: Annotated[
        str,
        typer.Option(
            metavar="halpha|continuum",
            help="What the galaxy is found by where neither --centre nor the header says: the "
            "H-alpha centroid, or the brightest continuum where it is bright enough.",
        ),
    ] = "halpha",
    broad_halpha: Annotated[
        bool,
        typer.Option(
            "--broad-halpha", help="Try a broad H-alpha beside the lines, as of an active nucleus."
        ),
    ] = False,
    balmer_absorption: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="HALPHA HBETA",
            help="Put back what stars absorb: equivalent widths at rest in Angstrom.",
        ),
    ] = None,
    balmer_absorption_err: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="HALPHA HBETA", help="Standard errors of the same.  [default: 0 0]"),
    ] = None,
    attenuation: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="A_V ERR",
            help="Attenuation in mag where H-beta does not give it, in place of the survey's "
            "stack.",
        ),
    ] = None,
    stack_attenuation: Annotated[
        bool,
        typer.Option(
            "--stack-attenuation",
            help="Take the attenuation of the survey's stacked galaxies, at z ~ 1.5, at any "
            "redshift; by default at 1 < z < 2 only.",
        ),
    ] = False,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="CSV or ECSV with one row per galaxy, in place of cubes: name; cubes, paths from "
            f"the table's folder with spaces between; and any of {COLUMNS}. Other options hold "
            "for galaxies without a value there.",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes, with --catalogue.")] = 2,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on with the --catalogue run in --output; failures are tried again."
        ),
    ] = False,
    output: Output = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
    **stated: Unpack[GalaxySettings],
) -> None:
    """Measure lines, abundances and gradients of one galaxy, or of those of a catalogue.

    Cubes may be mock or real, of the ESO pipeline or archive, KMOS3D, or any that say enough;
    options state what headers lack or get wrong. Writes tables (fluxes, attenuation, abundances,
    ionization, classes, mass_excitation, gradients), measurement.nc, summary.png and run.json.
    With --catalogue these go to galaxies/NAME, beside tables of all galaxies and failures.ecsv;
    the run goes on past galaxies that fail, and leaves with exit code 2 if any did.
    """
    from experiments.measuring.catalogue import GalaxyCatalogue
    from experiments.measuring.many_galaxies import measure_catalogue
    from experiments.measuring.one_galaxy import pipeline_of, run_measure
    from experiments.runs.run import check_options, start_run
    from experiments.runs.terminal import Terminal

    others = (stated.get("velocity_map"), stated.get("psf_star"))
    _check_call(cubes, catalogue, others[0], resume=resume)
    check_options(output, overwrite=overwrite, resume=resume)
    method: dict[str, Any] = {
        "scheme": scheme, "broad_halpha": broad_halpha, "balmer_absorption": balmer_absorption,
        "balmer_absorption_err": balmer_absorption_err, "centre_by": centre_by,
        "attenuation": attenuation, "stack_attenuation": stack_attenuation,
    }  # fmt: skip
    pipeline, terminal = pipeline_of(**method, seed=seed), Terminal(quiet=quiet, debug=debug)
    if catalogue is None:
        what: dict[str, Any] = {"cubes": cubes}
        files = [*(cubes or []), *others]
    else:
        what = {"catalogue": catalogue, "workers": workers, "resume": resume}
        files = [catalogue]
    reading = {"use_quality": use_quality, "verify_checksum": not ignore_checksum}
    known = {**stated, **reading}
    # What a galaxy's files are, its own record says.
    plain = {k: v for k, v in by_option(stated).items() if not isinstance(v, Path)}
    galaxies = None if catalogue is None else GalaxyCatalogue.read(catalogue, known)
    if galaxies is not None:
        files += galaxies.inputs
    failures: tuple[Failure, ...] = ()
    with start_run(
        "measure", output=output, overwrite=overwrite, resume=resume, seed=seed,
        configuration={**what, **by_option(stated), **reading, **method},
        inputs=[path for path in files if path is not None],
        design=None if galaxies is None else {**plain, **reading, **method},
    ) as run:  # fmt: skip
        if galaxies is None:
            shown: object = run_measure(cubes or [], known, pipeline=pipeline, run=run)
        else:
            outcome = measure_catalogue(
                galaxies, pipeline, workers=workers, resume=resume, run=run, terminal=terminal,
            )  # fmt: skip
            shown, failures = outcome.summary, outcome.failures
    terminal.show(shown)
    terminal.show(f"Results in {run.directory}")
    for failure in failures:
        typer.echo(f"kurvs: {failure.name}: {failure.reason}", err=True)
    if failures:
        raise typer.Exit(SOME_FAILED)


def _check_call(
    cubes: list[Path] | None,
    catalogue: Path | None,
    velocity_map: Path | None,
    *,
    resume: bool,
) -> None:
    """Refuse arguments that do not go together."""
    from kurvs_pipeline.errors import ConfigurationError

    if bool(cubes) == (catalogue is not None):
        found = "both" if cubes else "neither"
        raise ConfigurationError(
            f"expected either CUBE... of one galaxy or --catalogue TABLE, found {found}"
        )
    if catalogue is not None and velocity_map is not None:
        raise ConfigurationError(
            f"--velocity-map {velocity_map} is of one galaxy; with --catalogue give a column "
            "velocity_map in the table"
        )
    if resume and catalogue is None:
        raise ConfigurationError(
            "--resume goes on with a list of galaxies: give --catalogue TABLE, or leave it out"
        )

"""``kurvs measure``: from the cubes of one galaxy, or of many, to metallicity gradients."""

# ruff: noqa: PLC0415 - the body imports what it needs: --help appears at once.

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from experiments.commands.options import Debug, Output, Overwrite, Quiet, Seed

if TYPE_CHECKING:
    from experiments.runs.run import Run
    from experiments.runs.terminal import Terminal
    from kurvs_pipeline.pipeline import Pipeline

SOME_FAILED = 2
"""Exit code of a list of galaxies some of which could not be measured."""

EXAMPLES = """\b
Estimators of gradients.ecsv, best first:
  forward        disk that explains the fluxes of all annuli, detected or not,
                 through the seeing: quote it; average it with the sample's
                 abundances as prior and a star (docs/gradient-estimators.md)
  forward_prior  the same with the population, 0 +- 0.04 dex/kpc, as prior: best
                 guess of one faint or compact galaxy, not to be averaged
  slope_fgrad    slope times the beam-smearing correction: beside published ones
  slope          line through the detected annuli, flattened by the seeing
  A flag other than ok says why a number is not to be taken at its word.
\b
Attenuation:
  balmer         from H-alpha/H-beta of the aperture
  stack          of the survey's stacked galaxies, where H-beta is not detected
                 or H-alpha/H-beta is below 2.86
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
  kurvs measure mock_H.fits --velocity-map velocities.fits
  kurvs measure mock_H.fits --psf-star star.fits
  kurvs measure mock_YJ.fits mock_H.fits --log-stellar-mass 10.3 --log-stellar-mass-err 0.1
  kurvs measure mock_YJ.fits mock_H.fits --broad-halpha --balmer-absorption 2 3
  kurvs measure --catalogue galaxies.csv --seeing 0.6 --workers 4 --output survey
  kurvs measure --catalogue galaxies.csv --seeing 0.6 --output survey --resume
"""


def measure(
    cubes: Annotated[
        list[Path] | None,
        typer.Argument(metavar="CUBE...", help="FITS cubes of one galaxy, one to three bands."),
    ] = None,
    *,
    catalogue: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE",
            help="CSV or ECSV with a row a galaxy, in place of cubes: name; cubes, paths from "
            "the table's folder with spaces between; and any of redshift, inclination_deg, "
            "inclination_err_deg, position_angle_deg, effective_radius_arcsec, disk_thickness, "
            "seeing_fwhm_arcsec, psf_moffat_beta, centre_x, centre_y, extension, arm, target, "
            "medium, flux_unit, noise_kind, wavelength_start_um, wavelength_step_um, "
            "velocity_map, psf_star, log_stellar_mass, log_stellar_mass_err. Other options hold "
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
    redshift: Annotated[float | None, typer.Option(help="On the vacuum scale.")] = None,
    inclination: Annotated[float | None, typer.Option(metavar="DEG", help="0 is face-on.")] = None,
    inclination_err: Annotated[
        float | None,
        typer.Option(
            metavar="DEG", help="Its standard error, for the forward estimators.  [default: 0]"
        ),
    ] = None,
    position_angle: Annotated[
        float | None,
        typer.Option(metavar="DEG", help="North through East to the receding major axis."),
    ] = None,
    effective_radius: Annotated[
        float | None, typer.Option(metavar="ARCSEC", help="Along the major axis.")
    ] = None,
    centre: Annotated[
        tuple[float, float] | None,
        typer.Option(metavar="X Y", help="Spaxel of the galaxy's centre, counted from 0."),
    ] = None,
    centre_by: Annotated[
        str,
        typer.Option(
            metavar="halpha|continuum",
            help="What the galaxy is found by where neither --centre nor the header says: the "
            "H-alpha centroid, or the brightest continuum where it is bright enough.",
        ),
    ] = "halpha",
    seeing: Annotated[
        float | None, typer.Option(metavar="ARCSEC", help="Full width at half-maximum.")
    ] = None,
    psf_beta: Annotated[
        float | None, typer.Option(help="Moffat wings of the PSF; a Gaussian otherwise.")
    ] = None,
    scheme: Annotated[
        str,
        typer.Option(
            metavar="ANNULI",
            help="Number and width, 3x0.5, or edges, 0-0.4-1.0, in arcsec; 3x0.7re in "
            "effective radii.",
        ),
    ] = "3x0.5",
    wavelength_start: Annotated[
        float | None,
        typer.Option(metavar="UM", help="First channel, in vacuum, where the header is wrong."),
    ] = None,
    wavelength_step: Annotated[
        float | None, typer.Option(metavar="UM", help="Width of a channel.")
    ] = None,
    extension: Annotated[
        str | None, typer.Option(metavar="HDU", help="Extension to read, such as IFU.3.DATA.")
    ] = None,
    arm: Annotated[
        int | None, typer.Option(min=1, max=24, help="Arm of KMOS to read, in files of several.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(metavar="NAME", help="The same, by the target of the arm.")
    ] = None,
    medium: Annotated[
        str | None, typer.Option(metavar="air|vacuum", help="Of the header's wavelengths.")
    ] = None,
    flux_unit: Annotated[
        str | None, typer.Option(metavar="UNIT", help="Such as erg/s/cm2/um, in place of BUNIT.")
    ] = None,
    noise_kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help="What the noise extension holds: standard-deviation, variance, "
            "inverse-variance; none estimates the noise from the cube.",
        ),
    ] = None,
    use_quality: Annotated[
        bool, typer.Option("--use-quality/--ignore-quality", help="Leave out flagged voxels.")
    ] = True,
    log_stellar_mass: Annotated[
        float | None,
        typer.Option(help="Of the galaxy, log of solar masses: classes by mass and excitation."),
    ] = None,
    log_stellar_mass_err: Annotated[
        float | None, typer.Option(metavar="DEX", help="Its standard error.  [default: 0.2]")
    ] = None,
    velocity_map: Annotated[
        Path | None,
        typer.Option(
            metavar="FITS",
            help="Image of velocities on the spaxels of the cube with H-alpha, relative to "
            "--redshift; km/s unless BUNIT says otherwise. Measured in the cube otherwise.",
        ),
    ] = None,
    psf_star: Annotated[
        Path | None,
        typer.Option(
            metavar="FITS",
            help="Image or cube of a star of the same field, which gives the seeing, its wings "
            "and their errors; in place of --seeing and --psf-beta.",
        ),
    ] = None,
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
    output: Output = None,
    seed: Seed = 0,
    quiet: Quiet = False,
    debug: Debug = False,
    overwrite: Overwrite = False,
) -> None:
    """Measure lines, abundances and gradients of one galaxy, or of those of a catalogue.

    Cubes may be mock or real, of the ESO pipeline or archive, KMOS3D, or any that say enough;
    options state what headers lack or get wrong. Writes tables (fluxes, attenuation, abundances,
    ionization, classes, mass_excitation, gradients), measurement.nc, summary.png and run.json.
    With --catalogue these go to galaxies/NAME, beside tables of all galaxies and failures.ecsv;
    the run goes on past galaxies that fail, and leaves with exit code 2 if any did.
    """
    from experiments.measuring.one_galaxy import pipeline_of
    from experiments.runs.run import start_run
    from experiments.runs.terminal import Terminal

    stated: dict[str, Any] = {
        "redshift": redshift,
        "inclination": inclination,
        "inclination_err": inclination_err,
        "position_angle": position_angle,
        "effective_radius": effective_radius,
        "centre": centre,
        "seeing": seeing,
        "psf_beta": psf_beta,
        "wavelength_start": wavelength_start,
        "wavelength_step": wavelength_step,
        "extension": extension,
        "arm": arm,
        "target": target,
        "medium": medium,
        "flux_unit": flux_unit,
        "noise_kind": noise_kind,
        "use_quality": use_quality,
        "velocity_map": velocity_map,
        "psf_star": psf_star,
        "log_stellar_mass": log_stellar_mass,
        "log_stellar_mass_err": log_stellar_mass_err,
    }
    method: dict[str, Any] = {
        "scheme": scheme,
        "broad_halpha": broad_halpha,
        "balmer_absorption": balmer_absorption,
        "balmer_absorption_err": balmer_absorption_err,
        "centre_by": centre_by,
    }
    _check_call(cubes, catalogue, output, velocity_map, resume=resume)
    call = MeasureCall(
        stated,
        method,
        pipeline_of(**method, seed=seed),
        partial(start_run, "measure", output=output, overwrite=overwrite, resume=resume, seed=seed),
        Terminal(quiet=quiet, debug=debug),
    )
    if catalogue is None:
        call.one_galaxy(cubes or [])
    else:
        call.catalogue(catalogue, workers=workers, resume=resume)


@dataclass(frozen=True)
class MeasureCall:
    """One call of the command.

    Parameters
    ----------
    stated : mapping
        Options about galaxies and their cubes.
    method : mapping
        Options about the measurement.
    pipeline : Pipeline
        Which they describe.
    begin : callable
        Begins a run, given its configuration and inputs.
    terminal : Terminal
        For progress and outcome.
    """

    stated: Mapping[str, Any]
    method: Mapping[str, Any]
    pipeline: "Pipeline"
    begin: Callable[..., AbstractContextManager["Run"]]
    terminal: "Terminal"

    def one_galaxy(self, cubes: list[Path]) -> None:
        """Measure one galaxy."""
        from experiments.measuring.one_galaxy import run_measure

        others = (self.stated["velocity_map"], self.stated["psf_star"])
        with self.begin(
            configuration={"cubes": cubes, **self.stated, **self.method},
            inputs=[*cubes, *(path for path in others if path is not None)],
        ) as run:
            outcome = run_measure(cubes, **self.stated, pipeline=self.pipeline, run=run)
        self.terminal.show(outcome)
        self.terminal.show(f"Results in {run.directory}")

    def catalogue(self, table: Path, *, workers: int, resume: bool) -> None:
        """Measure the galaxies of a table; leave with an exit code where some fail."""
        from experiments.measuring.catalogue import GalaxyCatalogue
        from experiments.measuring.many_galaxies import measure_catalogue
        from experiments.measuring.one_galaxy import fields_of

        how: dict[str, Any] = {"workers": workers, "resume": resume}
        with self.begin(
            configuration={"catalogue": table, **how, **self.stated, **self.method},
            inputs=[table],
        ) as run:
            galaxies = GalaxyCatalogue.read(table, fields_of(self.stated))
            outcome = measure_catalogue(
                galaxies, self.pipeline, **how, run=run, terminal=self.terminal
            )
        self.terminal.show(outcome.summary)
        self.terminal.show(f"Results in {run.directory}")
        for failure in outcome.failures:
            typer.echo(f"kurvs: {failure.name}: {failure.reason}", err=True)
        if outcome.failures:
            raise typer.Exit(SOME_FAILED)


def _check_call(
    cubes: list[Path] | None,
    catalogue: Path | None,
    output: Path | None,
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
    if resume and (catalogue is None or output is None):
        raise ConfigurationError(
            "--resume goes on with a list of galaxies: give --catalogue TABLE and the --output DIR "
            "of the run that was interrupted"
        )

"""The command ``kurvs measure``: galaxies from their cubes to tables and figures."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from astropy.table import Row
from rich.console import Group
from rich.table import Table

from experiments.galaxy_catalogue import GalaxyCatalogue
from experiments.galaxy_request import GalaxyRequest, write_galaxy
from experiments.measuring_catalogue import CatalogueOutcome, measure_catalogue
from experiments.run import Run
from experiments.terminal import Terminal
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.line_fits import line_ratio
from kurvs_pipeline.measure import MeasuredGalaxy, Pipeline

SHOWN_DIAGNOSTICS = ("n2", "o3n2", "r23", "n2o2", "n2s2")
"""One of each ratio on the terminal; the tables have all."""


STATED_AS = {
    "inclination": "inclination_deg",
    "position_angle": "position_angle_deg",
    "effective_radius": "effective_radius_arcsec",
    "seeing": "seeing_fwhm_arcsec",
    "psf_beta": "psf_moffat_beta",
    "centre": "centre_pixel",
    "wavelength_start": "wavelength_start_um",
    "wavelength_step": "wavelength_step_um",
}
"""Fields that options of the command line stand for, where names differ."""


def run_measure(
    cubes: Sequence[Path],
    *,
    scheme: str = "3x0.5",
    run: Run,
    **stated: Any,  # noqa: ANN401 - each option of its own type
) -> Group:
    """Read, measure and write one galaxy.

    Parameters
    ----------
    cubes : sequence of Path
        One to three bands.
    scheme : str
        Annuli, as ``3x0.5``.
    run : Run
        Where results go.
    **stated
        What headers lack or get wrong, by option of the command line.

    Returns
    -------
    rich.console.Group
        What was measured, for the terminal.
    """
    pipeline = Pipeline(BinningScheme.parse(scheme))
    request = GalaxyRequest.of(tuple(cubes), _fields(stated))
    observation = request.read()
    galaxy = request.measure(pipeline, observation)
    with run.writing() as directory:
        write_galaxy(galaxy, directory)
    tables = [_aperture_table(galaxy)]
    shown = [name for name in SHOWN_DIAGNOSTICS if name in galaxy.abundances["diagnostic"]]
    if len(shown) > 1:
        tables.append(_abundance_table(galaxy, shown))
    return Group(*_headline(galaxy, observation.attrs["assumptions"]), *tables)


def run_measure_catalogue(
    catalogue: Path,
    *,
    scheme: str = "3x0.5",
    workers: int,
    resume: bool,
    run: Run,
    terminal: Terminal,
    **stated: Any,  # noqa: ANN401 - each option of its own type
) -> CatalogueOutcome:
    """Read, measure and write the galaxies of a catalogue.

    Parameters
    ----------
    catalogue : Path
        See :class:`~experiments.galaxy_catalogue.GalaxyCatalogue`.
    scheme : str
        Annuli, as ``3x0.5``.
    workers : int
        Processes.
    resume : bool
        Whether to leave out what was measured before.
    run : Run
        Where results go.
    terminal : Terminal
        For progress.
    **stated
        What holds for galaxies for which the catalogue has no value, by option of the command
        line.

    Returns
    -------
    CatalogueOutcome
    """
    return measure_catalogue(
        GalaxyCatalogue.read(catalogue, _fields(stated)),
        Pipeline(BinningScheme.parse(scheme)),
        run=run,
        workers=workers,
        resume=resume,
        terminal=terminal,
    )


def _fields(stated: Mapping[str, Any]) -> dict[str, Any]:
    """Name options as the fields that they stand for."""
    return {STATED_AS.get(option, option): value for option, value in stated.items()}


def _headline(galaxy: MeasuredGalaxy, assumptions: str) -> list[str]:
    lines = [f"assumed: {note}" for note in assumptions.splitlines()]
    error = galaxy.redshift_err
    how = "as given: H-alpha not detected" if math.isnan(error) else f"+/- {error:.5f}"
    lines.append(f"{galaxy.metadata.name}: z = {galaxy.metadata.redshift:.5f} ({how})")
    measured = galaxy.maps.velocity_kms[galaxy.maps.measured]
    if measured.size:
        lines.append(
            f"velocity map: {measured.size} spaxels, {measured.min():+.0f} to "
            f"{measured.max():+.0f} km/s"
        )
    for row in galaxy.gradients[galaxy.gradients["diagnostic"] == "n2"]:
        value = f"{row['gradient'].value:+.4f} +/- {row['gradient_err'].value:.4f} dex/kpc"
        known = math.isfinite(row["gradient"].value)
        lines.append(
            f"gradient by N2, {row['estimator']}: {value if known else 'none'} "
            f"({row['n_bins']} bins, {row['flag']})"
        )
    return lines


def _aperture_table(galaxy: MeasuredGalaxy) -> Table:
    """Lay out S/N and [N II]/H-alpha, with the error of the ratio detected or not."""
    table = Table()
    for heading in ("aperture", "arcsec", "coverage", "S/N Ha", "S/N [NII]", "[NII]/Ha",
                    "12+log(O/H) N2"):  # fmt: skip
        table.add_column(heading, justify="right")
    abundances = galaxy.abundances[galaxy.abundances["diagnostic"] == "n2"]
    for aperture, coverage, ratio, row in zip(
        galaxy.apertures, galaxy.coverage, nii_to_halpha(galaxy), abundances, strict=True
    ):
        sign = {"upper": "< ", "none": ""}.get(str(row["limit"]), "")
        table.add_row(
            aperture.name, f"{aperture.inner_arcsec:g}-{aperture.outer_arcsec:g}",
            f"{coverage:.0%}", *(f"{galaxy.snr(aperture.name, line):.1f}"
                                 for line in ("halpha", "nii_6584")),
            f"{ratio[0]:.3f} +/- {ratio[1]:.3f}", f"{sign}{row['value'].value:.3f}",
        )  # fmt: skip
    return table


def _abundance_table(galaxy: MeasuredGalaxy, diagnostics: Sequence[str]) -> Table:
    """Lay out the attenuation, and the abundance by several diagnostics."""
    found = galaxy.abundances
    table = Table(title="12 + log(O/H)")
    for heading in ("aperture", "A_V (mag)", *diagnostics):
        table.add_column(heading, justify="right")
    for row in galaxy.attenuation:
        of_aperture = found[found["aperture"] == row["aperture"]]
        values = {str(value["diagnostic"]): _spelt(value) for value in of_aperture}
        a_v = f"{row['a_v'].value:.2f}±{row['a_v_err'].value:.2f} ({row['source']})"
        table.add_row(row["aperture"], a_v, *(values[name] for name in diagnostics))
    return table


def _spelt(row: Row) -> str:
    """Spell an abundance or its limit."""
    value = f"{row['value'].value:.2f}"
    match str(row["limit"]):
        case "none":
            return "none"
        case "upper" | "lower" as limit:
            return f"{'<' if limit == 'upper' else '>'} {value}"
    return f"{value}±{0.5 * (row['err_low'] + row['err_high']).value:.2f}"


def nii_to_halpha(galaxy: MeasuredGalaxy) -> list[tuple[float, float]]:
    """Return [N II] 6584 / H-alpha and its error in every aperture, detected or not.

    Parameters
    ----------
    galaxy : MeasuredGalaxy
        What was measured.

    Returns
    -------
    list of (float, float)
        NaN where either line was not covered.
    """
    ratio, error = line_ratio(galaxy.halpha_fit.fits, "nii_6584", "halpha")
    return list(zip(ratio.tolist(), error.tolist(), strict=True))

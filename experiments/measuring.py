"""The command ``kurvs measure``: one galaxy from its cubes to tables and a figure."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from astropy.table import Row
from rich.console import Group
from rich.table import Table

from experiments.run import Run
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.io.reading import read_observation
from kurvs_pipeline.line_fits import line_ratio
from kurvs_pipeline.measure import MeasuredGalaxy, Pipeline
from kurvs_pipeline.plots import summary
from kurvs_pipeline.results import write_results

SHOWN_DIAGNOSTICS = ("n2", "o3n2", "r23", "n2o2", "n2s2")
"""One of each ratio on the terminal; the tables have all."""


def run_measure(
    cubes: Sequence[Path],
    *,
    redshift: float | None = None,
    inclination: float | None = None,
    position_angle: float | None = None,
    effective_radius: float | None = None,
    centre: tuple[float, float] | None = None,
    seeing: float | None = None,
    psf_beta: float | None = None,
    scheme: str = "3x0.5",
    wavelength_start: float | None = None,
    wavelength_step: float | None = None,
    run: Run,
    **cube_options: Any,  # noqa: ANN401 - the fields of CubeOptions, each of its own type
) -> Group:
    """Read, measure and write one galaxy.

    Parameters
    ----------
    cubes : sequence of Path
        One to three bands.
    redshift, inclination, position_angle, effective_radius, seeing, psf_beta : float, optional
        What headers lack or get wrong: degrees and arcsec.
    centre : (float, float), optional
        0-based spaxel (x, y).
    scheme : str
        Annuli, as ``3x0.5``.
    wavelength_start, wavelength_step : float, optional
        um, where the header is wrong.
    run : Run
        Where results go.
    **cube_options
        Other fields of :class:`kurvs_pipeline.io.cube_options.CubeOptions`.

    Returns
    -------
    rich.console.Group
        What was measured, for the terminal.
    """
    pipeline = Pipeline(BinningScheme.parse(scheme))
    overrides = {
        "redshift": redshift,
        "inclination_deg": inclination,
        "position_angle_deg": position_angle,
        "effective_radius_arcsec": effective_radius,
        "seeing_fwhm_arcsec": seeing,
        **_point_spread_function(psf_beta),
    }
    observation = read_observation(
        cubes, overrides=overrides, wavelength_start_um=wavelength_start,
        wavelength_step_um=wavelength_step, centre_pixel=centre, **cube_options,
    )  # fmt: skip
    galaxy = pipeline.run(observation)
    with run.writing() as directory:
        write_results(galaxy, directory)
        summary(galaxy).savefig(directory / "summary.png", dpi=150)
    tables = [_aperture_table(galaxy)]
    shown = [name for name in SHOWN_DIAGNOSTICS if name in galaxy.abundances["diagnostic"]]
    if len(shown) > 1:
        tables.append(_abundance_table(galaxy, shown))
    return Group(*_headline(galaxy, observation.attrs["assumptions"]), *tables)


def _point_spread_function(psf_beta: float | None) -> dict[str, Any]:
    if psf_beta is None:
        return {}
    return {"psf_kind": "moffat", "psf_moffat_beta": psf_beta}


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

"""Whether noisy mocks of the survey scatter as their expected errors say.

    python -m experiments.studies.twin_noise 5 18 34

draws mocks of these galaxies of KURVS, measures them with the pipeline and as the survey does,
and prints the scatter of the fluxes beside what was expected.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.survey.procedure import RestSpectrum
from experiments.survey.signal_to_noise import LINE_FLUX, PUBLISHED_MEDIAN_SNR, expectation
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.measured_galaxy import MeasuredGalaxy
from kurvs_pipeline.pipeline import Pipeline
from kurvs_pipeline.robust import ONE_SIGMA_PERCENTILES
from kurvs_sim import ExposureModel, Galaxy, observe
from kurvs_sim.effects.effects import Effects
from kurvs_sim.expectation.errors import BAND_OF_LINE, ExpectedFlux
from kurvs_sim.instrument.noise_covariance import NoiseCovariance
from kurvs_sim.survey.galaxies import kurvs_galaxy
from kurvs_sim.survey.procedure import PROCEDURE

MOCKS = 40


@dataclass(frozen=True)
class NoiseCheck:
    """One line of one galaxy, over many mocks.

    Parameters
    ----------
    flux, flux_err : array, shape (n_mocks,)
        By the pipeline, 1e-16 erg/s/cm2.
    survey_flux, survey_err : array, shape (n_mocks,)
        By the procedure of the survey.
    """

    galaxy: str
    line: str
    expected: ExpectedFlux
    flux: Array
    flux_err: Array
    survey_flux: Array
    survey_err: Array

    @property
    def scatter_ratio(self) -> float:
        """Scatter of the pipeline's fluxes over the calibrated error."""
        return _scatter(self.flux) / self.expected.calibrated_error

    @property
    def survey_scatter_ratio(self) -> float:
        """Scatter of the survey's fluxes over the expected one."""
        return _scatter(self.survey_flux) / self.expected.published_scatter

    @property
    def survey_error_ratio(self) -> float:
        """Median error that the survey would state over the expected one."""
        return float(np.median(self.survey_err) / self.expected.published_error)


def _scatter(values: Array) -> float:
    """Return half the central 68 per cent: free kinematics of a faint line make rare outliers."""
    low, high = np.percentile(values, ONE_SIGMA_PERCENTILES)
    return float(0.5 * (high - low))


def check(galaxy: Galaxy, *, n_mocks: int = MOCKS, seed: int = 0) -> tuple[NoiseCheck, ...]:
    """Draw and measure mocks of a galaxy, at least 2; seeds follow that of the first."""
    effects = Effects(covariance=NoiseCovariance())
    found: dict[str, list[tuple[float, ...]]] = {line: [] for line in PUBLISHED_MEDIAN_SNR}
    for index in range(n_mocks):
        mock = observe(galaxy, noise=ExposureModel(), effects=effects, seed=seed + index)
        measured = Pipeline().run(mock)
        survey = {
            band: RestSpectrum.of_cube(
                mock[band].to_dataset(), band=band, redshift=measured.metadata.redshift,
                weights=measured.weights[0], velocity_kms=measured.maps.velocity_kms,
            ).fit()
            for band in PROCEDURE
        }  # fmt: skip
        for line, rows in found.items():
            fit = survey[BAND_OF_LINE[line]]
            second = line in {"nii_6584", "oiii_5007"}
            rows.append((*_of_pipeline(measured, line), fit.flux[int(second)], fit.stated_error))
    expected = expectation(galaxy)
    return tuple(
        NoiseCheck(galaxy.name, line, expected.expected(line), *np.array(rows).T)
        for line, rows in found.items()
    )


def _of_pipeline(measured: MeasuredGalaxy, line: str) -> tuple[float, float]:
    table = measured.fluxes
    row = table[(table["aperture"] == "integrated") & (table["line"] == line)]
    return float(row["flux"].to_value(LINE_FLUX)[0]), float(row["flux_err"].to_value(LINE_FLUX)[0])


def _check_table(checks: Sequence[NoiseCheck]) -> Table:
    """Lay out checks for the terminal."""
    table = Table(title="Scatter of fluxes in noisy mocks", title_justify="left")
    for heading in ("galaxy", "line", "S/N", "flux", "scatter", "pipeline error",
                    "survey: scatter", "survey: stated"):  # fmt: skip
        table.add_column(heading, justify="left" if heading in {"galaxy", "line"} else "right")
    for row in checks:
        expected = row.expected
        table.add_row(
            row.galaxy, row.line, f"{expected.calibrated_snr:.1f}",
            f"{row.flux.mean() / expected.flux:.2f}", f"{row.scatter_ratio:.2f}",
            f"{np.median(row.flux_err) / expected.calibrated_error:.2f}",
            f"{row.survey_scatter_ratio:.2f}", f"{row.survey_error_ratio:.2f}",
        )  # fmt: skip
    table.caption = "all but S/N over what was expected"
    return table


def main(kurvs_ids: Sequence[int]) -> None:
    """Check galaxies and print."""
    checks = [row for number in kurvs_ids for row in check(kurvs_galaxy(number))]
    Console().print(_check_table(checks))


if __name__ == "__main__":
    main([int(number) for number in sys.argv[1:]])

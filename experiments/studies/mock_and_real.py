"""A mock beside a real KMOS cube of the same set-up: spectra, and the statistics of their noise.

Run as ``python -m experiments.studies.mock_and_real CUBE.fits OUTPUT_DIRECTORY``; the cube is
the real YJ cube of programme 092.B-0538(B). It writes
``simulator-mock-and-real.png`` and prints a table.
"""

import argparse
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.ndimage import convolve1d, median_filter
from scipy.stats import kurtosis, norm

from experiments.runs.style import figure_style
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS
from kurvs_pipeline.io.fits.observation import read_observation
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_pipeline.plots.parts import DATA_COLOUR, FIT_COLOUR, MUTED_COLOUR
from kurvs_sim import Galaxy, PointSpreadFunction, SpaxelGrid, observe
from kurvs_sim.effects.defects import MisscaledNoise, UnseenEdges
from kurvs_sim.effects.effects import Effects
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction
from kurvs_sim.instrument.exposures import BandExposures, ExposureModel
from kurvs_sim.instrument.noise_covariance import NoiseCovariance

REDSHIFT = 0.975
LARGEST_LAG = 5
CONTINUUM_CHANNELS = 201
LINE_REACH_KMS = 700.0
FIGURE_NAME = "simulator-mock-and-real.png"


@dataclass(frozen=True)
class NoiseStatistics:
    """How the noise of a cube is spread and correlated.

    Parameters
    ----------
    along_x, along_y, along_wavelength : tuple of float
        Correlation of voxels 1, 2, ... apart.
    kurtosis : float
        Fourth moment over the square of the second: 3 for a Gaussian.
    true_over_stated : float
        Width of the noise (1.4826 x the median absolute value) over what the cube states.
    n_voxels : int
        That were used.
    """

    along_x: tuple[float, ...]
    along_y: tuple[float, ...]
    along_wavelength: tuple[float, ...]
    kurtosis: float
    true_over_stated: float
    n_voxels: int

    @classmethod
    def of(cls, noise: Array) -> Self:
        """Measure noise in units of the stated error.

        Parameters
        ----------
        noise : array, shape (n_channels, n_y, n_x)
            NaN where it must not be used.
        """
        along = {
            axis: tuple(correlation(noise, axis, lag) for lag in range(1, LARGEST_LAG + 1))
            for axis in (0, 1, 2)
        }
        used = noise[np.isfinite(noise)]
        return cls(
            along_x=along[2],
            along_y=along[1],
            along_wavelength=along[0],
            kurtosis=float(kurtosis(used, fisher=False)),
            true_over_stated=float(np.median(np.abs(used)) / norm.ppf(0.75)),
            n_voxels=used.size,
        )


def correlation(noise: Array, axis: int, lag: int) -> float:
    """Return the correlation of voxels that lie some steps apart along an axis.

    Parameters
    ----------
    noise : array, any shape
        Of mean zero; NaN where it must not be used.
    axis, lag : int
        Direction and distance.
    """
    along = np.moveaxis(noise, axis, 0)
    first, second = along[:-lag], along[lag:]
    both = np.isfinite(first) & np.isfinite(second)
    first, second = first[both], second[both]
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


def normalised_noise(band: xr.Dataset, redshift: float, usable_um: tuple[float, float]) -> Array:
    """Return what is left of a cube without continuum and lines, over its stated error.

    Parameters
    ----------
    band : Dataset
        One band of an Observation.
    redshift : float
        Channels within 700 km/s of an emission line are left out.
    usable_um : tuple of float
        Channels outside are left out.

    Returns
    -------
    array, shape (n_channels, n_y, n_x)
        NaN where it must not be used: spaxels with data in less than half of the channels too.
        The continuum is a running median of 201 channels in each spaxel.
    """
    wavelength = band["wavelength"].to_numpy()
    inside = slice(*np.searchsorted(wavelength, usable_um))
    flux, variance, mask = (band[name].to_numpy()[inside] for name in ("flux", "variance", "mask"))
    valid = ~mask & np.isfinite(variance)
    known = np.where(valid, flux, np.nan).astype(float)
    known[:, ~valid.any(axis=0)] = 0.0
    # Where there is no data, the median of the spaxel stands in, to carry the filter across.
    filled = np.where(np.isnan(known), np.nanmedian(known, axis=0), known)
    continuum = median_filter(filled, size=(CONTINUUM_CHANNELS, 1, 1), mode="nearest")
    used = valid & (valid.mean(axis=0) > 0.5)
    used &= ~_near_lines(wavelength[inside], redshift)[:, None, None]
    noise = np.full(band["flux"].shape, np.nan)
    noise[inside][used] = (filled - continuum)[used] / np.sqrt(variance[used])
    return noise


def _near_lines(wavelength_um: Array, redshift: float) -> BoolArray:
    observed = np.array(list(REST_WAVELENGTH_UM.values())) * (1.0 + redshift)
    velocity = SPEED_OF_LIGHT_KMS * (wavelength_um[:, None] / observed - 1.0)
    return np.asarray((np.abs(velocity) < LINE_REACH_KMS).any(axis=1))


def mock_of_same_set_up(seed: int = 1) -> xr.Dataset:
    """Return a YJ cube as the real one was made: native spaxels, sky residuals, edges.

    Fifteen exposures of 600 s. The real cube's unit is a count, so only ratios can be compared:
    brightness and excess noise are set so that H-alpha stands as far above the noise, and the
    correlations, the error of the stated noise and the sky's over-subtraction are those that make
    the noise of **this** cube. The residuals of sky lines are the simulator's own.

    Parameters
    ----------
    seed : int
        Of the noise.
    """
    galaxy = Galaxy(
        redshift=REDSHIFT,
        inclination_deg=45.0,
        position_angle_deg=330.0,
        effective_radius_arcsec=0.7,
        halpha_flux=9.0,
    )
    effects = Effects(
        covariance=NoiseCovariance(
            correlation_x=0.26, correlation_y=0.07, correlation_channels=0.08
        ),
        sky_residuals=SkyResiduals(),
        sky_oversubtraction=SkyOversubtraction(sky_fraction=1.6e-2, galaxy_fraction=0.0),
        misscaled_noise=MisscaledNoise(1.2),
        unseen_edges=UnseenEdges(),
    )
    return observe(
        galaxy,
        bands=("YJ",),
        grid=SpaxelGrid(n_x=14, n_y=14, spaxel_arcsec=0.2),
        psf=PointSpreadFunction("moffat", 0.7),
        noise=ExposureModel(yj=BandExposures(n_exposures=15, throughput=0.25, excess_noise=7.0)),
        seed=seed,
        effects=effects,
    )["YJ"].to_dataset()


def compare(cube: Path) -> dict[str, tuple[xr.Dataset, Array, NoiseStatistics]]:
    """Return band, normalised noise and its statistics of the real cube and of a mock.

    Parameters
    ----------
    cube : Path
        The real YJ cube.
    """
    overrides = {"redshift": REDSHIFT, "inclination_deg": 0.0}
    real = read_observation([cube], overrides=overrides)["YJ"].to_dataset()
    compared = {}
    for name, band in {"real": real, "mock": mock_of_same_set_up()}.items():
        noise = normalised_noise(band, REDSHIFT, (1.03, 1.33))
        compared[name] = band, noise, NoiseStatistics.of(noise)
    return compared


def table_of(real: NoiseStatistics, mock: NoiseStatistics) -> str:
    """Return the two cubes' statistics as a Markdown table.

    Parameters
    ----------
    real, mock : NoiseStatistics
        Of each.
    """
    rows = [("voxels", f"{real.n_voxels}", f"{mock.n_voxels}")]
    for name, attribute in (
        ("spaxels along x", "along_x"),
        ("spaxels along y", "along_y"),
        ("channels", "along_wavelength"),
    ):
        of_real, of_mock = getattr(real, attribute), getattr(mock, attribute)
        rows += [
            (f"correlation of {name}, {lag} apart", f"{of_real[lag - 1]:.3f}",
             f"{of_mock[lag - 1]:.3f}")
            for lag in (1, 2, 3)
        ]  # fmt: skip
    rows += [
        ("kurtosis (3 for a Gaussian)", f"{real.kurtosis:.2f}", f"{mock.kurtosis:.2f}"),
        ("width over stated error", f"{real.true_over_stated:.2f}",
         f"{mock.true_over_stated:.2f}"),
    ]  # fmt: skip
    lines = ["| noise | real | mock |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def draw(compared: dict[str, tuple[xr.Dataset, Array, NoiseStatistics]]) -> Figure:
    """Draw real (above) and mock spectra, the histogram of the noise, and its correlations.

    Spectra are sums over 1 x 1 arcsec about the brightest spaxel of H-alpha, over the median
    noise of a spaxel, so that flux units drop out.

    Parameters
    ----------
    compared : dict of str to (Dataset, array, NoiseStatistics)
        By title: the band, its noise over its error, shape (n_channels, n_y, n_x), and what was
        found.
    """
    with figure_style():
        figure = Figure(figsize=(9.0, 7.2), layout="constrained")
        grid = figure.add_gridspec(3, 3)
        styles = dict(zip(compared, (DATA_COLOUR, FIT_COLOUR), strict=True))
        spectra = [figure.add_subplot(grid[row, :]) for row in (0, 1)]
        for axes, (name, (band, noise, _)) in zip(spectra, compared.items(), strict=True):
            plot_spectrum(band, noise, axes, colour=styles[name])
            axes.set_title(f"{name} cube", loc="left")
        statistics = {name: each[2] for name, each in compared.items()}
        noises = {name: each[1] for name, each in compared.items()}
        plot_histogram(noises, statistics, figure.add_subplot(grid[2, 0]), styles)
        plot_correlation(statistics, figure.add_subplot(grid[2, 1]), styles, spatial=True)
        plot_correlation(statistics, figure.add_subplot(grid[2, 2]), styles, spatial=False)
    return figure


def plot_spectrum(band: xr.Dataset, noise: Array, axes: Axes, *, colour: str) -> Axes:
    """Draw the spectrum of the galaxy's core, sky residuals included.

    Parameters
    ----------
    band : Dataset
        The cube.
    noise : array, shape (n_channels, n_y, n_x)
        Over its error.
    axes : Axes
        Axes to draw into.
    colour : str
        Of the line.
    """
    wavelength = band["wavelength"].to_numpy()
    halpha = REST_WAVELENGTH_UM["halpha"] * (1.0 + REDSHIFT)
    seen = np.isfinite(noise).any(axis=0)
    flux = np.where(band["mask"] | ~seen, 0.0, band["flux"].to_numpy())
    # The sum of 5 x 5 spaxels about every spaxel.
    box = np.ones(5)
    summed = convolve1d(convolve1d(flux, box, axis=1, mode="constant"), box, axis=2,
                        mode="constant")  # fmt: skip
    image = summed[np.abs(wavelength - halpha) < 6e-4].sum(axis=0)
    y, x = np.unravel_index(np.argmax(image), image.shape)
    core = summed[:, y, x] / np.sqrt(np.nanmedian(band["variance"].to_numpy()))
    inside = (wavelength > 1.22) & (wavelength < 1.335)
    axes.step(wavelength[inside], core[inside], where="mid", color=colour, linewidth=0.6)
    axes.axvline(halpha, color=MUTED_COLOUR, linestyle=":", linewidth=0.8, zorder=0)
    limit = float(np.nanpercentile(np.abs(core[inside]), 99.8))
    axes.set(xlim=(1.22, 1.335), ylim=(-0.7 * limit, 1.25 * limit))
    axes.set(xlabel="vacuum wavelength (µm)", ylabel="flux / noise of a spaxel")
    return axes


def plot_histogram(
    noises: dict[str, Array], statistics: dict[str, NoiseStatistics], axes: Axes,
    styles: dict[str, str],
) -> Axes:  # fmt: skip
    """Draw the noise in units of its own width, beside a Gaussian.

    Parameters
    ----------
    noises : dict of str to array, shape (n_channels, n_y, n_x)
        By title.
    statistics : dict of str to NoiseStatistics
        By title.
    axes : Axes
        Axes to draw into.
    styles : dict of str to str
        Colours by title.
    """
    edges = np.linspace(-6.0, 6.0, 61)
    for name, noise in noises.items():
        scaled = noise[np.isfinite(noise)] / statistics[name].true_over_stated
        axes.hist(
            scaled, edges.tolist(), density=True, histtype="step", color=styles[name], label=name
        )
    axes.plot(edges, norm.pdf(edges), color=MUTED_COLOUR, linestyle=":", label="Gaussian")
    axes.set(yscale="log", ylim=(1e-6, 1.0), xlabel="noise / its width", ylabel="density of voxels")
    axes.legend(loc="lower center", fontsize="small")
    return axes


def plot_correlation(
    statistics: dict[str, NoiseStatistics], axes: Axes, styles: dict[str, str], *, spatial: bool
) -> Axes:
    """Draw the correlation of noise against distance: x full, y broken; or along wavelength.

    Parameters
    ----------
    statistics : dict of str to NoiseStatistics
        By title.
    axes : Axes
        Axes to draw into.
    styles : dict of str to str
        Colours by title.
    spatial : bool
        Between spaxels, or else between channels.
    """
    lags = np.arange(LARGEST_LAG + 1)
    for name, measured in statistics.items():
        curves: Sequence[tuple[str, Any, str]] = (
            [("x", measured.along_x, "o-"), ("y", measured.along_y, "s--")]
            if spatial
            else [("", measured.along_wavelength, "o-")]
        )
        for direction, values, style in curves:
            axes.plot(lags, (1.0, *values), style, color=styles[name], markersize=4,
                      label=f"{name} {direction}".strip())  # fmt: skip
    axes.axhline(0.0, color=MUTED_COLOUR, linewidth=0.6)
    axes.set(xlabel=f"distance ({'spaxels' if spatial else 'channels'})", ylabel="correlation")
    axes.legend(fontsize="small")
    return axes


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, write the figure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cube", type=Path)
    parser.add_argument("directory", type=Path)
    options = parser.parse_args(arguments)
    logging.getLogger().setLevel(logging.WARNING)
    compared = compare(options.cube)
    options.directory.mkdir(parents=True, exist_ok=True)
    draw(compared).savefig(options.directory / FIGURE_NAME, dpi=120)
    print(table_of(compared["real"][2], compared["mock"][2]))


if __name__ == "__main__":
    main()

"""What the pipeline measures of the demo's galaxy: lines, abundances, slope and forward fit."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from experiments.demo.model.geometry import FEWEST_ANNULI, DemoGeometry
from experiments.demo.model.sky import BAND, REDSHIFT, DemoSky
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import INTEGRATED, annuli_among
from kurvs_pipeline.errors import FitError
from kurvs_pipeline.fitting.fit import fit_lines, fit_lines_or_fix
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import LineFits, line_ratio
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.gradients.corrected import correction_of
from kurvs_pipeline.gradients.forward.estimator import ForwardFit
from kurvs_pipeline.gradients.forward.fluxes import ApertureFluxes
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.posterior import NestedLaplace
from kurvs_pipeline.gradients.slope import Slope, weighted_slope
from kurvs_pipeline.lines import DETECTION_SNR
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coaddition import ApertureSpectra, coadd
from kurvs_pipeline.spectra.noise import SpatialCorrelation


@dataclass(frozen=True, eq=False)
class ForwardLines:
    """The gradient, the ends of its 68 per cent interval, and the abundance that goes with each.

    Parameters
    ----------
    gradient : array, shape (3,)
        Low, best and high, dex/kpc; NaN where nothing can be fitted.
    abundance : array, shape (3,)
        12 + log(O/H) at the pivot radius.
    flag : str
        Of :class:`~kurvs_pipeline.gradients.forward.estimator.ForwardGradient`, or ``no_fit``.
    """

    gradient: Array
    abundance: Array
    pivot_kpc: float
    flag: str

    @classmethod
    def of(cls, model: ForwardModel, apertures: tuple[str, ...], fits: LineFits) -> Self:
        """Fit the disk model to the lines of the annuli."""
        joint = JointFluxes(apertures, fits.names, fits.flux, fits.flux_covariance)
        fluxes = ApertureFluxes.of_annuli(joint, model.profiles.lines)
        try:
            found = ForwardFit.of(model, fluxes, np.random.default_rng(0)).flat
        except FitError:
            nothing = np.full(3, np.nan)
            return cls(nothing, nothing, model.pivot_kpc, "no_fit")
        gradient = np.concatenate([found.low, found.gradient, found.high])
        if not np.isfinite(gradient).all():
            return cls(gradient, np.full(3, np.nan), model.pivot_kpc, str(found.flag[0]))
        fit = NestedLaplace(model, fluxes)
        same = np.zeros(3, dtype=np.intp)
        best = fit.maximise(gradient, fit.prior_mean[same], same)
        return cls(gradient, best.parameters[:, 0], model.pivot_kpc, str(found.flag[0]))

    def at(self, radius_kpc: Array) -> Array:
        """Return lower edge, best line and upper edge of the band, shape (3, n_radii)."""
        lines = self.abundance[:, None] + self.gradient[:, None] * (radius_kpc - self.pivot_kpc)
        return np.stack([lines.min(axis=0), lines[1], lines.max(axis=0)])


N2_DIAGNOSTIC = DIAGNOSTICS["n2"]
FITTED_LINES = ("halpha", "nii_6584")
MAP_SNR = 3.0
"""S/N that a line needs in a spaxel for its ratio to be shown."""


@dataclass(frozen=True, eq=False)
class DemoMeasurement:
    """Measurements of the noisy cube by the pipeline.

    The stated noise is right and independent from voxel to voxel, and velocities are removed as the
    light has them: the demo is about the seeing, not about these.
    """

    sky: DemoSky

    @property
    def geometry(self) -> DemoGeometry:
        """Disk, seeing and annuli."""
        return DemoGeometry.of(self.sky.parameters)

    @cached_property
    def band(self) -> CalibratedBand:
        """The cube with its noise."""
        flux = self.sky.noisy_cube()
        return CalibratedBand(
            flux=flux,
            sigma=np.broadcast_to(self.sky.channel_sigma[:, None, None], flux.shape),
            valid=np.ones(flux.shape, dtype=bool),
            wavelength_um=BAND.wavelength_um,
            lsf_sigma_um=np.full(BAND.n_channels, BAND.lsf_sigma_um),
            correlation=SpatialCorrelation(),
            noise_scale=1.0,
            units="1e-16 erg/s/cm2/um",
        )

    @cached_property
    def _model(self) -> BandLineModel:
        band = self.band
        return BandLineModel.for_band(
            band.wavelength_um, band.lsf_sigma_um, REDSHIFT, lines=FITTED_LINES
        )

    @cached_property
    def spectra(self) -> ApertureSpectra:
        """Co-added spectra of the apertures, shifted to rest."""
        return coadd(
            self.band, self.geometry.apertures.weights, velocity_kms=self.sky.smeared_velocity_kms
        )

    @cached_property
    def fits(self) -> LineFits:
        """Lines of the apertures; faint ones have the width of the whole galaxy."""
        whole = self.spectra.at([self.geometry.apertures.names.index(INTEGRATED)])
        (width,) = fit_lines(self._model, whole.flux, whole.variance).sigma_kms
        width = np.nan_to_num(width, nan=self.sky.scene.galaxy.dispersion_kms)
        return fit_lines_or_fix(
            self._model,
            self.spectra.flux,
            self.spectra.variance,
            fallback_velocity_kms=0.0,
            fallback_sigma_kms=width,
        )

    @cached_property
    def spaxel_fits(self) -> LineFits:
        """Lines of every spaxel, with its velocity and width held."""
        band, sky = self.band, self.sky
        spectra, variance = (
            cube.reshape(len(cube), -1).T for cube in (band.flux, np.square(band.sigma))
        )
        return fit_lines(
            self._model, spectra, variance, velocity_kms=sky.smeared_velocity_kms.ravel(),
            sigma_kms=sky.smeared_sigma_kms.ravel(),
        )  # fmt: skip

    @cached_property
    def log_n2_map(self) -> Array:
        """Log [N II] / H-alpha of spaxels where both are seen, NaN elsewhere, shape (n_y, n_x)."""
        fits = self.spaxel_fits
        ratio, _ = line_ratio(fits, "nii_6584", "halpha")
        seen = (fits.snr > MAP_SNR).all(axis=1)
        return np.log10(np.where(seen, ratio, np.nan)).reshape(self.band.flux.shape[1:])

    @cached_property
    def abundances(self) -> "AnnularAbundances":
        """Abundances of the annuli."""
        return AnnularAbundances.of(self.geometry.apertures.names, self.fits)

    @cached_property
    def slope(self) -> Slope:
        """Straight line through the detected annuli."""
        return weighted_slope(
            self.geometry.radius_kpc, self.abundances.value, self.abundances.error
        )

    @cached_property
    def f_grad(self) -> float:
        """The correction of the slope for seeing, at the pipeline's reference gradient."""
        if self.slope.n_bins < FEWEST_ANNULI:
            return float("nan")
        return correction_of(N2_DIAGNOSTIC, self.slope.coefficients, self.geometry.smearing)

    @cached_property
    def forward(self) -> ForwardLines:
        """Gradient of the disk model with seeing that fits the fluxes of all annuli."""
        return ForwardLines.of(
            self.geometry.forward_model, self.geometry.apertures.names, self.fits
        )


@dataclass(frozen=True, eq=False)
class AnnularAbundances:
    """12 + log(O/H) by the survey's N2.

    Parameters
    ----------
    value, error : array, shape (n_annuli,)
        NaN where a line is below 4 sigma.
    limit : array, shape (n_annuli,)
        4-sigma upper limit where [N II] alone is below 4 sigma; NaN elsewhere.
    """

    value: Array
    error: Array
    limit: Array

    @classmethod
    def of(cls, apertures: tuple[str, ...], fits: LineFits) -> "AnnularAbundances":
        """Return the abundances that follow from the fitted lines."""
        annuli = annuli_among(apertures)
        ratio, ratio_err = (values[annuli] for values in line_ratio(fits, "nii_6584", "halpha"))
        halpha, nii = (fits.names.index(name) for name in FITTED_LINES)
        seen = fits.snr[annuli] > DETECTION_SNR
        both = seen[:, halpha] & seen[:, nii]
        with np.errstate(invalid="ignore", divide="ignore"):
            value = N2_DIAGNOSTIC.oxygen_abundance(np.log10(ratio))
            above = N2_DIAGNOSTIC.oxygen_abundance(np.log10(ratio + ratio_err))
            faintest = DETECTION_SNR * fits.flux_err[annuli, nii] / fits.flux[annuli, halpha]
            limit = N2_DIAGNOSTIC.oxygen_abundance(np.log10(faintest))
        only_halpha = seen[:, halpha] & ~seen[:, nii]
        return cls(
            np.where(both, value, np.nan),
            np.where(both, above - value, np.nan),
            np.where(only_halpha, limit, np.nan),
        )

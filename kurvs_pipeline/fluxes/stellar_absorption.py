"""Stellar Balmer absorption, added back to spectra before emission lines are fitted."""

from dataclasses import dataclass, replace

import numpy as np

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.errors import ConfigurationError
from kurvs_pipeline.fitting.model import BandLineModel
from kurvs_pipeline.fitting.outcome import FitFlag, LineFits
from kurvs_pipeline.fitting.responses import parameter_responses
from kurvs_pipeline.spectra.calibration import CalibratedBand
from kurvs_pipeline.spectra.coadded_continuum import continuum_level
from kurvs_pipeline.spectra.coaddition import ApertureSpectra

UM_PER_ANGSTROM = 1e-4

CONTINUUM_SNR = 3.0
"""S/N below which the continuum is not detected, and a fit corrected with it is flagged."""


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class BalmerAbsorption:
    """Absorption lines of the stars, as equivalent widths.

    The light absorbed is the equivalent width times the continuum of the aperture, in a Gaussian
    centred on the gas of every spaxel: the stars are taken to rotate with it. The wings of real
    Balmer lines, made by pressure, are wider; what lies beyond the emission line matters little.

    Parameters
    ----------
    halpha_angstrom, hbeta_angstrom : float
        Rest-frame equivalent widths, >= 0.
    halpha_err_angstrom, hbeta_err_angstrom : float
        Standard errors of the equivalent widths, >= 0.
    dispersion_kms : float
        Standard deviation of the absorption before the line-spread function, > 0.

    Raises
    ------
    ConfigurationError
        If a value is impossible.
    """

    halpha_angstrom: float
    hbeta_angstrom: float
    halpha_err_angstrom: float = 0.0
    hbeta_err_angstrom: float = 0.0
    dispersion_kms: float = 100.0

    def __post_init__(self) -> None:
        for name in (
            "halpha_angstrom", "hbeta_angstrom", "halpha_err_angstrom", "hbeta_err_angstrom",
        ):  # fmt: skip
            if not 0.0 <= getattr(self, name) < np.inf:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; expected a finite number >= 0"
                )
        if not 0.0 < self.dispersion_kms < np.inf:
            raise ConfigurationError(
                f"dispersion_kms is {self.dispersion_kms}; expected a finite number > 0"
            )

    @property
    def widths_angstrom(self) -> dict[str, tuple[float, float]]:
        """Rest-frame equivalent width and its error, by line."""
        return {
            "halpha": (self.halpha_angstrom, self.halpha_err_angstrom),
            "hbeta": (self.hbeta_angstrom, self.hbeta_err_angstrom),
        }


@dataclass(frozen=True)
class AbsorbedLight:
    """Light of one band that the stars of every aperture absorb.

    Parameters
    ----------
    profiles : array, shape (n_lines, n_channels)
        Profiles of unit flux, 1/um.
    flux, flux_err : array, shape (n_lines, n_apertures)
        Absorbed light, flux density times um, and its standard error.
    detected : bool array, shape (n_lines, n_apertures)
        Whether the continuum was detected.
    """

    profiles: Array
    flux: Array
    flux_err: Array
    detected: BoolArray

    @property
    def spectra(self) -> Array:
        """Absorbed flux density, shape (n_apertures, n_channels)."""
        return np.asarray(self.flux.T @ self.profiles)

    def put_back(self, spectra: ApertureSpectra) -> ApertureSpectra:
        """Return observed spectra with the absorption corrected."""
        return replace(spectra, flux=spectra.flux + self.spectra)

    def left_in(self, spectra: ApertureSpectra) -> ApertureSpectra:
        """Return corrected spectra as they were observed."""
        return replace(spectra, flux=spectra.flux - self.spectra)

    def with_error(self, fits: LineFits, spectra: ApertureSpectra) -> LineFits:
        """Return fits with the error of the absorbed light added to the covariance.

        Fits whose continuum was not detected are flagged.
        """
        used = fits.model.channels
        variance = np.where(spectra.valid, spectra.variance, 0.0)[:, used]
        responses = parameter_responses(fits, variance)[:, : fits.flux.shape[1]]
        covariance = fits.flux_covariance.copy()
        for profile, error in zip(self.profiles, self.flux_err, strict=True):
            # The error of one absorption line moves all fluxes together.
            change = responses @ profile[used] * error[:, None]
            covariance += change[:, :, None] * change[:, None, :]
        faint = np.where(self.detected.all(axis=0), 0, int(FitFlag.FAINT_CONTINUUM))
        return replace(fits, flux_covariance=covariance, flag=fits.flag | faint)


def absorbed_light(
    absorption: BalmerAbsorption, model: BandLineModel, band: CalibratedBand, weights: Array
) -> AbsorbedLight | None:
    """Return the light that stars of every aperture absorb; None for a band without Balmer lines.

    A continuum that is not detected, even a negative one, is used as measured: on average that is
    right.
    """
    lines = [name for name in absorption.widths_angstrom if name in model.group_names]
    if not lines:
        return None
    profiles, flux, error, detected = [], [], [], []
    for name in lines:
        width, width_err = absorption.widths_angstrom[name]
        stretch = UM_PER_ANGSTROM * (1.0 + model.redshift)
        level = continuum_level(band, weights, model.line_scale(name)[0])
        profiles.append(_profile(model, name, absorption.dispersion_kms))
        flux.append(width * stretch * level.value)
        error.append(stretch * np.hypot(width_err * level.value, width * level.error))
        detected.append(level.value > CONTINUUM_SNR * level.error)
    return AbsorbedLight(np.stack(profiles), np.stack(flux), np.stack(error), np.stack(detected))


def _profile(model: BandLineModel, line: str, dispersion_kms: float) -> Array:
    """Return one absorption line of unit flux on all channels."""
    alone = BandLineModel.for_band(
        model.wavelength_um, model.lsf_sigma_um, model.redshift, lines=[line]
    )
    profile = np.zeros(model.wavelength_um.size)
    profile[alone.channels] = alone.design(0.0, dispersion_kms)[0, :, 0]
    return profile

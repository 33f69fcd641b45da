"""The light of stars under the lines, with Balmer absorption."""

from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import ArrayLike

from kurvs_pipeline.arguments import takes_quantities
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.bands import SPEED_OF_LIGHT_KMS, Band
from kurvs_pipeline.lines import REST_WAVELENGTH_UM
from kurvs_sim.channels import channel_integrated_gaussian
from kurvs_sim.galaxy.structure import exponential_disk
from kurvs_sim.validation import require, require_not_negative, require_positive

UM_PER_ANGSTROM = 1e-4

STEEPEST_SPECTRUM = 20.0
"""Stars have -4 to 4."""

Shape = Literal["disk", "bulge"]


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class StellarContinuum:
    """Stars: one spectrum, times one map.

    The spectrum is a power law with H-alpha and H-beta in absorption, as Gaussians centred on the
    galaxy's redshift. The stars do not rotate: give a dispersion that includes what the beam
    holds of it. The wings of real Balmer lines, made by pressure, are wider. Absorption hides
    emission, H-beta more than H-alpha, and so mimics dust (Rosa-Gonzalez et al. 2002; Groves et
    al. 2012). The default equivalent widths are assumed.

    Parameters
    ----------
    flux_density : float
        Flux density of the whole galaxy as observed, dust included, 1e-16 erg/s/cm2/um, at
        ``reference_rest_um``; >= 0.
    reference_rest_um : float
        Rest wavelength, um; H-alpha by default.
    spectral_slope : float
        beta of f_lambda ~ lambda^beta.
    effective_radius_kpc : float
        Half-light radius of the stars: in the plane of the disk, or on the sky for a bulge.
    shape : {"disk", "bulge"}
        Exponential in the plane of the galaxy and as thick as its gas, or a de Vaucouleurs
        spheroid, round on the sky.
    halpha_absorption_angstrom, hbeta_absorption_angstrom : float
        Equivalent widths, rest frame, >= 0.
    dispersion_kms : float
        Width of the absorption (sigma), > 0.

    Raises
    ------
    MetadataError
        If a value is impossible, or a line absorbs more light than there is.
    """

    flux_density: float
    effective_radius_kpc: float
    reference_rest_um: float = REST_WAVELENGTH_UM["halpha"]
    spectral_slope: float = 0.0
    halpha_absorption_angstrom: float = 2.0
    hbeta_absorption_angstrom: float = 2.0
    dispersion_kms: float = 100.0
    shape: Shape = "disk"

    def __post_init__(self) -> None:
        """Check the values."""
        require("shape of the stars", repr(self.shape), within=self.shape in get_args(Shape),
                expected="'disk' or 'bulge'")  # fmt: skip
        require_not_negative(**{"flux_density of the stars": self.flux_density})
        require("spectral_slope", self.spectral_slope,
                within=abs(self.spectral_slope) <= STEEPEST_SPECTRUM,
                expected=f"between {-STEEPEST_SPECTRUM:g} and {STEEPEST_SPECTRUM:g}")  # fmt: skip
        require_positive(
            effective_radius_kpc=self.effective_radius_kpc,
            reference_rest_um=self.reference_rest_um,
            dispersion_kms=self.dispersion_kms,
        )
        for line, width_angstrom in self._absorption_angstrom.items():
            self._require_light_left(line, width_angstrom)

    def _require_light_left(self, line: str, width_angstrom: float) -> None:
        sigma_um = REST_WAVELENGTH_UM[line] * self.dispersion_kms / SPEED_OF_LIGHT_KMS
        black_angstrom = np.sqrt(2.0 * np.pi) * sigma_um / UM_PER_ANGSTROM
        require(f"{line}_absorption_angstrom", width_angstrom,
                within=0.0 <= width_angstrom <= black_angstrom,
                expected=f"between 0 and {black_angstrom:.3g}, where a line of "
                f"{self.dispersion_kms:g} km/s is black; or a larger dispersion_kms")  # fmt: skip

    @classmethod
    def from_halpha_equivalent_width(
        cls,
        *,
        halpha_flux: float,
        equivalent_width_angstrom: float,
        redshift: float,
        effective_radius_kpc: float,
        spectral_slope: float = 0.0,
        halpha_absorption_angstrom: float = 2.0,
        hbeta_absorption_angstrom: float = 2.0,
        dispersion_kms: float = 100.0,
        shape: Shape = "disk",
    ) -> Self:
        """State the continuum by the equivalent width of H-alpha emission.

        Parameters
        ----------
        halpha_flux : float
            Emission of the whole galaxy as observed, dust included, 1e-16 erg/s/cm2.
        equivalent_width_angstrom : float
            Equivalent width of that emission over the whole galaxy, rest frame, > 0; the
            absorption beneath it does not count.
        redshift : float
            Redshift on the vacuum scale, > 0.
        effective_radius_kpc, spectral_slope, halpha_absorption_angstrom : float
            The same as in :class:`StellarContinuum`.
        hbeta_absorption_angstrom, dispersion_kms : float
            The same as in :class:`StellarContinuum`.
        shape : {"disk", "bulge"}
            The same as in :class:`StellarContinuum`.

        Raises
        ------
        MetadataError
            Under the same conditions as in the class.
        """
        require_positive(
            halpha_flux=halpha_flux,
            equivalent_width_angstrom=equivalent_width_angstrom,
            redshift=redshift,
        )
        observed_um = equivalent_width_angstrom * UM_PER_ANGSTROM * (1.0 + redshift)
        return cls(
            flux_density=halpha_flux / observed_um,
            effective_radius_kpc=effective_radius_kpc,
            spectral_slope=spectral_slope,
            halpha_absorption_angstrom=halpha_absorption_angstrom,
            hbeta_absorption_angstrom=hbeta_absorption_angstrom,
            dispersion_kms=dispersion_kms,
            shape=shape,
        )

    @property
    def _absorption_angstrom(self) -> dict[str, float]:
        """Equivalent width of every absorbed line, rest frame."""
        return {
            "halpha": self.halpha_absorption_angstrom,
            "hbeta": self.hbeta_absorption_angstrom,
        }

    def unabsorbed(self, rest_wavelength_um: ArrayLike) -> Array:
        """Return the flux density without absorption, 1e-16 erg/s/cm2/um as observed.

        Parameters
        ----------
        rest_wavelength_um : array_like
            Rest wavelength.
        """
        relative = np.asarray(rest_wavelength_um, float) / self.reference_rest_um
        return np.asarray(self.flux_density * relative**self.spectral_slope)

    def spectrum(self, band: Band, redshift: float) -> Array:
        """Return the spectrum of all the stars as a spectrograph records it.

        A channel holds the mean of the line over its width. The power law is taken at its
        centre: neither channel nor line-spread function changes it by more than 1e-7.

        Parameters
        ----------
        band : Band
            Channels and line-spread function.
        redshift : float
            Redshift on the vacuum scale, > 0.

        Returns
        -------
        array, shape (n_channels,)
            1e-16 erg/s/cm2/um.

        Raises
        ------
        MetadataError
            If the redshift is impossible.
        """
        require_positive(redshift=redshift)
        spectrum = self.unabsorbed(band.wavelength_um / (1.0 + redshift))
        for line, width_angstrom in self._absorption_angstrom.items():
            centre_um = REST_WAVELENGTH_UM[line] * (1.0 + redshift)
            sigma_um = np.hypot(
                centre_um * self.dispersion_kms / SPEED_OF_LIGHT_KMS, band.lsf_sigma_um
            )
            profile = channel_integrated_gaussian(
                band.wavelength_um, band.channel_width_um, centre_um, sigma_um
            )
            missing = self.unabsorbed(REST_WAVELENGTH_UM[line]) * width_angstrom * UM_PER_ANGSTROM
            spectrum -= missing * (1.0 + redshift) * profile[:, 0]
        return spectrum

    def light(self, radius_kpc: ArrayLike) -> Array:
        """Return how the stars of a disk are spread over its plane.

        The flux density at a place is this times :meth:`spectrum`.

        Parameters
        ----------
        radius_kpc : array_like
            Radius in the plane of the disk, kpc.

        Returns
        -------
        array, the same shape
            Per kpc^2 of the plane; the integral over the plane is 1.
        """
        return exponential_disk(radius_kpc, self.effective_radius_kpc)

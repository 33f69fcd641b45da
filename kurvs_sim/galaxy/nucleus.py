"""Lines from the centre of a galaxy that are not its disk's: an active or starburst nucleus."""

from dataclasses import dataclass

from kurvs_pipeline.arguments import takes_quantities
from kurvs_sim.emission.ratios import DENSITY_RANGE_CM3, every_line_to_halpha
from kurvs_sim.validation import require, require_not_negative, require_positive

FASTEST_KMS = 10_000.0
"""Outflows of active galaxies are slower, and their broad lines narrower."""

TYPICAL_NARROW_LINE_DENSITY_CM3 = 500.0
"""Density of a narrow-line region; the ratios within [O II] and [S II] depend on it."""


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class NuclearSource:
    """A small round source at the centre with lines of one velocity and width.

    With H-alpha alone and a dispersion of 1000 km/s or more it is a broad-line region, as the
    very broad H-alpha of KURVS 12 suggests (Li et al. 2025, Section 3); with strong [N II] and
    [O III] a narrow-line region or an outflow; narrow and extended, a nuclear starburst. Its
    lines add to those of the disk, and are no part of ``halpha_flux`` of the galaxy.

    Parameters
    ----------
    halpha_flux : float
        Observed H-alpha, dust included, 1e-16 erg/s/cm2.
    dispersion_kms : float
        Width of its lines (sigma).
    velocity_kms : float
        Velocity with respect to the galaxy's redshift, km/s, positive if receding.
    effective_radius_kpc : float
        Half-light radius on the sky of its Gaussian; 0 is a point.
    hbeta_to_halpha, nii_6584_to_halpha, oiii_5007_to_halpha : float
        Flux ratios as observed.
    oii_to_halpha, sii_to_halpha : float
        Observed flux of both lines of the pair over that of H-alpha.
    electron_density_cm3 : float
        Shares out the [O II] and [S II] pairs; the default is assumed.

    Raises
    ------
    MetadataError
        If a value is impossible.
    """

    halpha_flux: float
    dispersion_kms: float
    velocity_kms: float = 0.0
    effective_radius_kpc: float = 0.0
    hbeta_to_halpha: float = 0.0
    nii_6584_to_halpha: float = 0.0
    oiii_5007_to_halpha: float = 0.0
    oii_to_halpha: float = 0.0
    sii_to_halpha: float = 0.0
    electron_density_cm3: float = TYPICAL_NARROW_LINE_DENSITY_CM3

    def __post_init__(self) -> None:
        """Check the values."""
        require_positive(
            halpha_flux=self.halpha_flux,
            dispersion_kms=self.dispersion_kms,
        )
        require("dispersion_kms of the nuclear source", self.dispersion_kms,
                within=self.dispersion_kms <= FASTEST_KMS,
                expected=f"at most {FASTEST_KMS:g}")  # fmt: skip
        low, high = DENSITY_RANGE_CM3
        require("electron_density_cm3 of the nuclear source", self.electron_density_cm3,
                within=low <= self.electron_density_cm3 <= high,
                expected=f"a value between {low:g} and {high:g}")  # fmt: skip
        require("velocity_kms of the nuclear source", self.velocity_kms,
                within=abs(self.velocity_kms) <= FASTEST_KMS,
                expected=f"between -{FASTEST_KMS:g} and {FASTEST_KMS:g}")  # fmt: skip
        for name in (
            "effective_radius_kpc", "hbeta_to_halpha", "nii_6584_to_halpha",
            "oiii_5007_to_halpha", "oii_to_halpha", "sii_to_halpha",
        ):  # fmt: skip
            require_not_negative(**{f"{name} of the nuclear source": getattr(self, name)})

    def line_fluxes(self) -> dict[str, float]:
        """Return the flux of every line, 1e-16 erg/s/cm2.

        Returns
        -------
        dict of str to float
            The lines of ``REST_WAVELENGTH_UM``.
        """
        relative = every_line_to_halpha(
            hbeta=self.hbeta_to_halpha,
            oiii_5007=self.oiii_5007_to_halpha,
            nii_6584=self.nii_6584_to_halpha,
            oii=self.oii_to_halpha,
            sii=self.sii_to_halpha,
            electron_density_cm3=self.electron_density_cm3,
        )
        return {line: self.halpha_flux * float(ratio) for line, ratio in relative.items()}

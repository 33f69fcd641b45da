"""The stage that measures lines: fits of every aperture and band, and their joint fluxes."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from astropy.table import QTable

from kurvs_pipeline.fluxes.band_fit import BandFit, fit_bands
from kurvs_pipeline.fluxes.joint import JointFluxes
from kurvs_pipeline.fluxes.stellar_absorption import BalmerAbsorption
from kurvs_pipeline.fluxes.table import flux_table
from kurvs_pipeline.kinematics.frame import DOUBTFUL_VELOCITIES
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.representation import short_repr


@dataclass(frozen=True, eq=False)
class MeasuredLines:
    """Line fluxes of a galaxy, with the spectra that were fitted.

    Parameters
    ----------
    located : LocatedGalaxy
        The galaxy located in its cubes, and its apertures.
    fits : mapping of str to BandFit
        Spectra and fits by band, the one with H-alpha first.
    """

    __repr__ = short_repr

    located: LocatedGalaxy
    fits: Mapping[str, BandFit]

    @classmethod
    def of(
        cls,
        located: LocatedGalaxy,
        *,
        broad_halpha: bool = False,
        balmer_absorption: BalmerAbsorption | None = None,
    ) -> "MeasuredLines":
        """Co-add the spectra of every aperture, velocities taken out, and fit their lines.

        Parameters
        ----------
        located : LocatedGalaxy
            The galaxy located in its cubes, and its apertures.
        broad_halpha : bool
            Whether to try a broad H-alpha beside the narrow lines, as of an active nucleus.
        balmer_absorption : BalmerAbsorption, optional
            Stellar absorption under H-alpha and H-beta to correct for; none by default.
        """
        fits = fit_bands(
            located.cubes.bands, located.apertures, redshift=located.metadata.redshift,
            velocity_kms=located.frame.maps.velocity_kms, light=located.frame.maps.light,
            doubt=DOUBTFUL_VELOCITIES if located.frame.contradicted_velocities else "",
            broad_halpha=broad_halpha, balmer_absorption=balmer_absorption,
        )  # fmt: skip
        return cls(located, fits)

    @cached_property
    def joint(self) -> JointFluxes:
        """Lines of all bands together, with their covariance."""
        return JointFluxes.of(self.located.apertures.names, self.fits)

    @cached_property
    def table(self) -> QTable:
        """Table of line fluxes, see :func:`~kurvs_pipeline.fluxes.table.flux_table`."""
        apertures = self.located.apertures
        return flux_table(self.fits, apertures.names, apertures.coverage)

"""Third stage: the integrated aperture and the annuli on the spaxels of a galaxy."""

from dataclasses import dataclass

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.binning import Aperture, BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import (
    aperture_coverage,
    aperture_weights,
    apertures_for,
    spaxel_size_arcsec,
)
from kurvs_pipeline.kinematics.frame import GalaxyFrame
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.seeing import SeeingKnowledge


@dataclass(frozen=True)
class PlacedApertures:
    """Apertures on spaxels.

    Parameters
    ----------
    apertures : tuple of Aperture
        The integrated ellipse, then the annuli outwards.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel with data in each aperture.
    coverage : tuple of float
        Fraction of each aperture's area on spaxels with data.
    """

    apertures: tuple[Aperture, ...]
    weights: Array
    coverage: tuple[float, ...]

    @classmethod
    def of(
        cls, frame: GalaxyFrame, scheme: BinningScheme, valid_spaxels: BoolArray
    ) -> "PlacedApertures":
        """Place the apertures of a scheme on a galaxy.

        Parameters
        ----------
        frame : GalaxyFrame
            Where the galaxy is.
        scheme : BinningScheme
            The annuli.
        valid_spaxels : bool array, shape (n_y, n_x)
            Spaxels with data.

        Raises
        ------
        MetadataError
            If the geometry is unknown.
        CoverageError
            If an annulus lies outside the data.
        """
        axes = frame.x_arcsec, frame.y_arcsec
        spaxel_arcsec = spaxel_size_arcsec(frame.x_arcsec)
        apertures = tuple(apertures_for(frame.metadata, scheme))
        weights = [aperture_weights(aperture, frame.metadata, *axes) for aperture in apertures]
        coverage = tuple(
            aperture_coverage(aperture, frame.metadata, weight, valid_spaxels, spaxel_arcsec)
            for aperture, weight in zip(apertures, weights, strict=True)
        )
        return cls(apertures, np.stack(weights) * valid_spaxels, coverage)

    @property
    def names(self) -> list[str]:
        """Of the apertures."""
        return [aperture.name for aperture in self.apertures]

    def radius_kpc(self, redshift: float) -> Array:
        """Return where each annulus is placed in the gradient, shape (n_annuli,).

        Parameters
        ----------
        redshift : float
            Of the galaxy.
        """
        middle_arcsec = np.array([annulus.middle_arcsec for annulus in self.apertures[1:]])
        return np.asarray(middle_arcsec * kpc_per_arcsec(redshift))

    def smearing(self, frame: GalaxyFrame, seeing: SeeingKnowledge | None = None) -> DiskSmearing:
        """Return what the seeing does to the annuli of this galaxy.

        Parameters
        ----------
        frame : GalaxyFrame
            Of the galaxy.
        seeing : SeeingKnowledge, optional
            With its errors, where more is known than the observation states.
        """
        x, y = frame.x_arcsec.to_numpy(), frame.y_arcsec.to_numpy()
        return DiskSmearing(frame.metadata, x, y, self.weights[1:], seeing=seeing)

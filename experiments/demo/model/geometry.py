"""What the pipeline is told of the galaxy of the demo: its disk, the seeing and the annuli."""

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import xarray as xr

from experiments.demo.model.parameters import DemoParameters
from experiments.demo.model.sky import GRID, POSITION_ANGLE_DEG, REDSHIFT, demo_psf
from kurvs_pipeline.abundances.diagnostics import DIAGNOSTICS
from kurvs_pipeline.arrays import Array
from kurvs_pipeline.binning import BinningScheme
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.geometry import PlacedApertures, aperture_weights, apertures_for
from kurvs_pipeline.gradients.forward.model import ForwardModel
from kurvs_pipeline.gradients.forward.profiles import InverseCalibration, NitrogenProfiles
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.smearing.correction import DiskSmearing
from kurvs_pipeline.smearing.matrix import InclinedDisk
from kurvs_pipeline.smearing.seeing import SeeingKnowledge
from kurvs_pipeline.smearing.sky_apertures import SpaxelApertures

REACH_ARCSEC = 1.5
"""Annuli go out to here, as the survey's three of 0.5 arcsec."""

FEWEST_ANNULI = 2
KPC_PER_ARCSEC = kpc_per_arcsec(REDSHIFT)
PROFILES = NitrogenProfiles(InverseCalibration(DIAGNOSTICS["n2"]))


def annuli_of(width_arcsec: float) -> BinningScheme:
    """Return as many annuli of a width as fit into 1.5 arcsec, two at least.

    Parameters
    ----------
    width_arcsec : float
        Along the major axis.
    """
    number = max(FEWEST_ANNULI, int(REACH_ARCSEC / width_arcsec + 1e-6))
    return BinningScheme.uniform(number, width_arcsec)


@dataclass(frozen=True, eq=False)
class DemoGeometry:
    """Disk, seeing and annuli, with what is slow to compute of them.

    Parameters
    ----------
    parameters : DemoParameters
        The sliders.
    """

    parameters: DemoParameters

    @classmethod
    def of(cls, parameters: DemoParameters) -> "DemoGeometry":
        """Return the geometry of a state, the same for all states that share it.

        Parameters
        ----------
        parameters : DemoParameters
            The sliders.
        """
        # Light and noise have no part in it: a slider that moves them finds it ready.
        plain = DemoParameters()
        return _geometry(
            replace(
                parameters, gradient=plain.gradient, dust_gradient=plain.dust_gradient,
                halpha_snr=plain.halpha_snr, noise_seed=plain.noise_seed,
            )
        )  # fmt: skip

    @cached_property
    def metadata(self) -> ObservationMetadata:
        """The truth about the disk, its size before the dust, and the seeing."""
        parameters, psf = self.parameters, demo_psf(self.parameters)
        return ObservationMetadata(
            name="demo", redshift=REDSHIFT, inclination_deg=parameters.inclination_deg,
            position_angle_deg=POSITION_ANGLE_DEG,
            effective_radius_arcsec=parameters.effective_radius_arcsec,
            seeing_fwhm_arcsec=psf.fwhm_arcsec, psf_kind=psf.kind,
            psf_moffat_beta=psf.moffat_beta if psf.kind == "moffat" else math.nan,
        )  # fmt: skip

    @cached_property
    def apertures(self) -> PlacedApertures:
        """The ellipse of 1.5 effective radii, and the annuli."""
        scheme = annuli_of(self.parameters.annulus_width_arcsec)
        apertures = apertures_for(self.metadata, scheme)
        x, y = xr.DataArray(GRID.x_arcsec), xr.DataArray(GRID.y_arcsec)
        weights = [aperture_weights(one, self.metadata, x, y) for one in apertures]
        return PlacedApertures(apertures, np.stack(weights), (1.0,) * len(apertures))

    @cached_property
    def annuli(self) -> PlacedApertures:
        """The annuli alone."""
        return self.apertures.annuli

    @property
    def radius_kpc(self) -> Array:
        """Where each annulus is placed, shape (n_annuli,)."""
        return self.annuli.middle_arcsec * KPC_PER_ARCSEC

    @cached_property
    def smearing(self) -> DiskSmearing:
        """What seeing does to the disk in its annuli."""
        return DiskSmearing(self.metadata, GRID.x_arcsec, GRID.y_arcsec, self.annuli.weights)

    @cached_property
    def forward_model(self) -> ForwardModel:
        """The disk behind a seeing that is known exactly."""
        return ForwardModel(
            disk=InclinedDisk.of(self.metadata),
            effective_radius_arcsec=self.metadata.effective_radius_arcsec,
            kpc_per_arcsec=KPC_PER_ARCSEC,
            seeing=SeeingKnowledge.exact(self.metadata),
            apertures=SpaxelApertures(self.annuli.weights, GRID.x_arcsec, GRID.y_arcsec),
            profiles=PROFILES,
        )


@lru_cache(maxsize=16)
def _geometry(parameters: DemoParameters) -> DemoGeometry:
    return DemoGeometry(parameters)

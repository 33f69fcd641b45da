"""What atmosphere, instrument and reduction do to a cube beyond seeing and white noise."""

from dataclasses import dataclass

from kurvs_pipeline.arguments import takes_quantities
from kurvs_sim.atmosphere.seeing import ChromaticSeeing
from kurvs_sim.effects.defects import (
    CosmicRays,
    DeadColumns,
    MisscaledNoise,
    SaturatedLines,
    UnseenEdges,
)
from kurvs_sim.effects.dithers import Dithers
from kurvs_sim.effects.line_spread import LineSpread
from kurvs_sim.effects.sky_residuals import SkyResiduals
from kurvs_sim.effects.sky_subtraction import SkyOversubtraction, TelluricResidual
from kurvs_sim.instrument.noise_covariance import NoiseCovariance


@takes_quantities
@dataclass(frozen=True, kw_only=True)
class Effects:
    """The effects to simulate, each switched on by giving it.

    Parameters
    ----------
    covariance : NoiseCovariance, optional
        Noise that neighbouring spaxels and channels share; without it, every voxel has its
        own.
    dithers : Dithers, optional
        Fewer exposures, so more noise, at the edges of the field.
    chromatic_seeing : ChromaticSeeing, optional
        Seeing of each band at its own wavelength; without it, the same in all. The truth and
        the metadata keep the seeing at the reference wavelength.
    line_spread : LineSpread, optional
        Width of the line-spread function along the band, and its error; without it, one
        width a band, known exactly. Airglow keeps the band's own width.
    sky_residuals : SkyResiduals, optional
        Residuals of OH lines after sky subtraction.
    sky_oversubtraction : SkyOversubtraction, optional
        Too much sky, and galaxy with it, taken from all spaxels.
    telluric_residual : TelluricResidual, optional
        A transmission that was not quite corrected.
    misscaled_noise : MisscaledNoise, optional
        An attached error that is too small.
    dead_columns : DeadColumns, optional
        Native spaxels without data.
    unseen_edges : UnseenEdges, optional
        Borders of field and band without data.
    saturated_lines : SaturatedLines, optional
        Channels without data.
    cosmic_rays : CosmicRays, optional
        Outliers that nothing marks.
    """

    covariance: NoiseCovariance | None = None
    dithers: Dithers | None = None
    chromatic_seeing: ChromaticSeeing | None = None
    line_spread: LineSpread | None = None
    sky_residuals: SkyResiduals | None = None
    sky_oversubtraction: SkyOversubtraction | None = None
    telluric_residual: TelluricResidual | None = None
    misscaled_noise: MisscaledNoise | None = None
    dead_columns: DeadColumns | None = None
    unseen_edges: UnseenEdges | None = None
    saturated_lines: SaturatedLines | None = None
    cosmic_rays: CosmicRays | None = None


NO_EFFECTS = Effects()

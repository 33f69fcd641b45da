"""What atmosphere, instrument and reduction do to a cube beyond seeing and white noise."""

from dataclasses import dataclass

from kurvs_sim.noise_covariance import NoiseCovariance
from kurvs_sim.seeing import ChromaticSeeing


@dataclass(frozen=True)
class Effects:
    """The effects to simulate, each switched on by giving it.

    Parameters
    ----------
    covariance : NoiseCovariance, optional
        Noise that neighbouring spaxels and channels share; without it, every voxel has its
        own.
    chromatic_seeing : ChromaticSeeing, optional
        Seeing of each band at its own wavelength; without it, the same in all. The truth and
        the metadata keep the seeing at the reference wavelength.
    """

    covariance: NoiseCovariance | None = None
    chromatic_seeing: ChromaticSeeing | None = None


NO_EFFECTS = Effects()

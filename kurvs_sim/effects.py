"""What atmosphere, instrument and reduction do to a cube beyond seeing and white noise."""

from dataclasses import dataclass

from kurvs_sim.noise_covariance import NoiseCovariance


@dataclass(frozen=True)
class Effects:
    """The effects to simulate, each switched on by giving it.

    Parameters
    ----------
    covariance : NoiseCovariance, optional
        Noise that neighbouring spaxels and channels share; without it, every voxel has its
        own.
    """

    covariance: NoiseCovariance | None = None


NO_EFFECTS = Effects()

"""The survey's annular spectra of KURVS 2 and 34, and all that they are compared with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import CubeFormatError
from kurvs_pipeline.extracted.fluxes import (
    FittedSpectrum,
    fit_spectra,
    read_redshifts,
    read_spectra_table,
)
from kurvs_pipeline.io.tables import read_table

RingKey = tuple[int, str, str]

BRIGHT_SKY_LINE = 20.0
"""Photons per second, m^2 and square arcsec; a third of the lines of H are brighter."""

SKY_LINE_CHANNELS = 1.5
"""Half width of what is left out about a sky line, in channels of the detector."""


@dataclass(frozen=True)
class Rings:
    """The annular spectra with the pipeline's fits, and what the survey found in them.

    Keys of spectra are the number of the galaxy, the annulus and the band.

    Parameters
    ----------
    published_flux : dict of (int, str, str) to float
        Area under the survey's fitted curve, 1e-16 erg / (s cm2); NaN where it has none.
    redshift : dict of int to float
        As in the survey's table.
    integrated_kms : dict of int to (float, float)
        Velocity and width of H-alpha in the integrated spectrum.
    sky_lines_um : array, shape (n_sky_lines,)
        Vacuum wavelengths of bright airglow lines.
    sky_spectrum : array, shape (2048,)
        Of the sky in the survey's H band, in an arbitrary unit.
    """

    fitted: dict[RingKey, FittedSpectrum]
    published_flux: dict[RingKey, float]
    redshift: dict[int, float]
    integrated_kms: dict[int, tuple[float, float]]
    sky_lines_um: Array
    sky_spectrum: Array
    shared: Path

    @classmethod
    def read(cls, shared: Path) -> "Rings":
        """Read and fit the annular spectra in ``real``, ``reference`` and ``paper`` of a folder.

        Raises
        ------
        CubeFormatError
            If a table is missing.
        """
        real = shared / "real"
        spectra = read_spectra_table(real / "annular_spectra.csv")
        catalogue = real / "integrated_fluxes.csv"
        fits = fit_spectra(spectra, medium="air", redshifts=read_redshifts(catalogue, spectra))
        fitted = {
            (int(known["kurvs_id"]), str(known["annulus"]), fit.spectrum.band): fit
            for fit in fits.spectra
            for known in [dict(fit.spectrum.identity)]
        }
        published = {
            (int(row["kurvs_id"]), str(row["annulus"]), str(row["band"])): _number(
                row["total_model_flux"]
            )
            for row in read_table(real / "annular_model_fluxes.csv")
        }
        galaxies = {key[0] for key in fitted}
        redshift = {
            int(row["kurvs_id"]): float(row["redshift"])
            for row in read_table(catalogue)
            if row["kurvs_id"] in galaxies
        }
        sky = read_table(shared / "reference" / "sky" / "oh_lines.csv")
        bright = sky["vacuum_wavelength_um"][sky["photon_rate"] > BRIGHT_SKY_LINE]
        kinematics = _integrated_kinematics(real, galaxies)
        spectrum = _sky_spectrum(shared / "reference" / "sky" / "kmos_sky_H.npy")
        return cls(fitted, published, redshift, kinematics, np.asarray(bright), spectrum, shared)

    def near_sky_lines(self, key: RingKey) -> BoolArray:
        """Return which channels of a spectrum in H a bright sky line has been subtracted from.

        The survey's rest frame is wavelengths in vacuum over its 1 + z.
        """
        stretch = 1.0 + self.redshift[key[0]]
        rest = self.fitted[key].spectrum.wavelength_um
        distance = np.abs(rest[:, None] - self.sky_lines_um / stretch)
        reach = SKY_LINE_CHANNELS * KMOS_BANDS["H"].channel_width_um / stretch
        return np.asarray(np.any(distance < reach, axis=1))

    def sky(self, key: RingKey) -> Array:
        """Return the survey's sky spectrum in H on the channels of a spectrum, in arbitrary units.

        It is nowhere below its median, as dark channels have noise too.
        """
        band = KMOS_BANDS["H"]
        observed = self.fitted[key].spectrum.wavelength_um * (1.0 + self.redshift[key[0]])
        channel = (observed - band.first_channel_um) / band.channel_width_um
        known = np.interp(channel, np.arange(self.sky_spectrum.size), self.sky_spectrum)
        return np.asarray(np.maximum(known, np.median(self.sky_spectrum)))


def _number(value: object) -> float:
    return float("nan") if value is np.ma.masked else float(str(value))


def _integrated_kinematics(real: Path, galaxies: set[int]) -> dict[int, tuple[float, float]]:
    spectra = [
        spectrum
        for spectrum in read_spectra_table(real / "integrated_spectra.csv")
        if dict(spectrum.identity)["kurvs_id"] in galaxies and spectrum.band == "H"
    ]
    redshifts = read_redshifts(real / "integrated_fluxes.csv", spectra)
    fits = fit_spectra(spectra, medium="air", redshifts=redshifts).spectra
    return {
        int(dict(fit.spectrum.identity)["kurvs_id"]): (
            float(fit.fits.velocity_kms[0]), float(fit.fits.sigma_kms[0]),
        )
        for fit in fits
    }  # fmt: skip


def _sky_spectrum(path: Path) -> Array:
    if not path.is_file():
        raise CubeFormatError(f"{path}: no such file; expected the survey's sky spectrum in H")
    return np.asarray(np.load(path), dtype=float)

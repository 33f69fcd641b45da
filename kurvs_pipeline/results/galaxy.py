"""What was measured of a galaxy, as it is written to disk and as figures need it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.measured_galaxy import GalaxyMeasurement
from kurvs_pipeline.pipeline import MeasuredGalaxy


@dataclass(frozen=True)
class BandSpectra:
    """The co-added spectra of one band, with the best fits.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Observed, in vacuum.
    flux, variance : array, shape (n_apertures, n_channels)
        Flux density without the continuum, velocities taken out, and its variance.
    valid : bool array, same shape
        Channels that were fitted.
    model : array, same shape
        The best fit; NaN far from lines, and throughout where the fit failed.
    units : str
        Of the flux density.
    """

    wavelength_um: Array
    flux: Array
    variance: Array
    valid: BoolArray
    model: Array
    units: str

    @classmethod
    def of(cls, fit: BandFit) -> "BandSpectra":
        """Take the spectra out of a fit.

        Parameters
        ----------
        fit : BandFit
            Of one band.

        Returns
        -------
        BandSpectra
        """
        spectra = fit.spectra
        return cls(
            wavelength_um=fit.model.wavelength_um,
            flux=spectra.flux,
            variance=spectra.variance,
            valid=spectra.valid,
            model=fit.model_spectra(),
            units=fit.units,
        )


@dataclass(frozen=True, kw_only=True)
class GalaxyResults(GalaxyMeasurement):
    """The results of one galaxy: tables, maps and spectra, without what made them.

    Parameters
    ----------
    spectra : mapping of str to BandSpectra
        By band, the one with H-alpha first.
    **measurement
        As in :class:`~kurvs_pipeline.measured_galaxy.GalaxyMeasurement`.
    """

    spectra: Mapping[str, BandSpectra]


def results_of(galaxy: MeasuredGalaxy | GalaxyResults) -> GalaxyResults:
    """Return the results of a galaxy just measured; results stay as they are.

    Parameters
    ----------
    galaxy : MeasuredGalaxy or GalaxyResults
        What was measured.
    """
    if isinstance(galaxy, GalaxyResults):
        return galaxy
    shared = {item.name: getattr(galaxy, item.name) for item in fields(GalaxyMeasurement)}
    spectra = {name: BandSpectra.of(fit) for name, fit in galaxy.fits.items()}
    return GalaxyResults(**shared, spectra=spectra)

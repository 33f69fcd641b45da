"""Everything measured of one galaxy: tables, apertures, maps and spectra."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape

import numpy as np
from astropy.table import QTable

from kurvs_pipeline.arrays import Array, BoolArray
from kurvs_pipeline.binning import INTEGRATED, Aperture
from kurvs_pipeline.cosmology import kpc_per_arcsec
from kurvs_pipeline.fitting.coverage import LINE_FLAGS
from kurvs_pipeline.fitting.outcome import join_flags
from kurvs_pipeline.fluxes.band_fit import BandFit
from kurvs_pipeline.gas.properties import GasProperties
from kurvs_pipeline.kinematics.frame import TYPICAL_SEEING_ARCSEC
from kurvs_pipeline.kinematics.located import LocatedGalaxy
from kurvs_pipeline.kinematics.redshift import DOUBTFUL_REDSHIFT
from kurvs_pipeline.kinematics.velocity_map import KinematicMaps
from kurvs_pipeline.observation import ObservationMetadata
from kurvs_pipeline.provenance import software
from kurvs_pipeline.representation import short_repr
from kurvs_pipeline.spectra.noise import OBSERVED_LINE_SIGMA_KMS

_IN_PLACE: dict[str, str | bool] = {
    "class_local": "unknown",
    "class_at_redshift": "unknown",
    "class_mass_excitation": "unknown",
    "limit": "none",
    "log_nii_halpha_limit": "none",
    "log_oiii_hbeta_limit": "none",
    "source": DOUBTFUL_REDSHIFT,
    "extrapolated": False,
}
"""Values of columns without numbers where the redshift is in doubt."""

_SHOWN_OF_GRADIENTS = ("diagnostic", "estimator", "gradient", "gradient_err", "n_bins", "flag")


_WIDTH_OF_NOISE = (
    "noise that spaxels and channels share is measured for lines with a standard deviation of "
    f"{OBSERVED_LINE_SIGMA_KMS:g} km/s, the survey's median"
)


@dataclass(frozen=True, eq=False)
class BandSpectra:
    """Co-added spectra of one band, with the best fits.

    Parameters
    ----------
    wavelength_um : array, shape (n_channels,)
        Observed wavelength in vacuum.
    flux, variance : array, shape (n_apertures, n_channels)
        Flux density without the continuum, velocities taken out, and its variance.
    valid : bool array, same shape
        Whether each channel was fitted.
    model : array, same shape
        The best fit; NaN far from lines, and throughout where the fit failed.
    units : str
        Unit of the flux density.
    """

    __repr__ = short_repr

    wavelength_um: Array
    flux: Array
    variance: Array
    valid: BoolArray
    model: Array
    units: str

    @classmethod
    def of(cls, fit: BandFit) -> "BandSpectra":
        """Take the spectra out of the fit of a band."""
        spectra = fit.spectra
        return cls(
            wavelength_um=fit.model.wavelength_um,
            flux=spectra.flux,
            variance=spectra.variance,
            valid=spectra.valid,
            model=fit.model_spectra(),
            units=fit.units,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class MeasuredGalaxy:
    """Everything measured of one galaxy, as it is written to disk and read back.

    Parameters
    ----------
    metadata : ObservationMetadata
        The metadata given, with the redshift as measured.
    redshift_err : float
        Standard error of the redshift; NaN where H-alpha was not detected or the redshift is in
        doubt, where the redshift is the one given.
    fluxes, attenuation, abundances, ionization, classes, mass_excitation, gradients : QTable
        See :func:`~kurvs_pipeline.fluxes.table.flux_table`,
        :meth:`~kurvs_pipeline.gas.attenuation.Attenuation.table`,
        :func:`~kurvs_pipeline.gas.abundances.abundance_table`,
        :func:`~kurvs_pipeline.gas.ionization.ionization_table`,
        :func:`~kurvs_pipeline.gas.classes.bpt_table`,
        :func:`~kurvs_pipeline.gas.classes.mass_excitation_table` (of the integrated aperture,
        with the mass given) and
        :func:`~kurvs_pipeline.gradients.table.gradient_table`. Where the redshift is in doubt,
        tables without flags hold no numbers.
    apertures : tuple of Aperture
        The integrated ellipse, then the annuli outwards.
    coverage : tuple of float
        Fraction of each aperture's area on spaxels with data.
    weights : array, shape (n_apertures, n_y, n_x)
        Fraction of each spaxel in each aperture.
    x_arcsec, y_arcsec : array, shapes (n_x,), (n_y,)
        Spaxel centres from the centre of the galaxy, to the West and to the North.
    maps : KinematicMaps
        Velocities relative to the measured redshift.
    noise_scale : mapping of str to float
        Factor by which each band's stated noise was multiplied.
    spectra : mapping of str to BandSpectra
        Spectra by band, the one with H-alpha first.
    assumptions : tuple of str
        What the files left open, and what was assumed for it.
    provenance : mapping of str to object
        Versions of the software that measured the galaxy; from
        :meth:`Pipeline.run <kurvs_pipeline.pipeline.Pipeline.run>` also ``seed``, ``scheme`` and
        ``inputs_sha256``, the checksums of the files that
        :func:`~kurvs_pipeline.io.reading.read_observation` read. Empty for results of a version
        that did not record it.
    fits : mapping of str to BandFit
        Fits by band, from which spectra and fluxes come; not written to disk, and empty for a
        galaxy that was read.
    """

    __repr__ = short_repr

    metadata: ObservationMetadata
    redshift_err: float
    fluxes: QTable
    attenuation: QTable
    abundances: QTable
    ionization: QTable
    classes: QTable
    mass_excitation: QTable
    gradients: QTable
    apertures: tuple[Aperture, ...]
    coverage: tuple[float, ...]
    weights: Array
    x_arcsec: Array
    y_arcsec: Array
    maps: KinematicMaps
    noise_scale: Mapping[str, float]
    spectra: Mapping[str, BandSpectra]
    assumptions: tuple[str, ...] = ()
    provenance: Mapping[str, object] = field(default_factory=software)
    fits: Mapping[str, BandFit] = field(default_factory=dict)

    @classmethod
    def of(cls, gas: GasProperties, gradients: QTable) -> "MeasuredGalaxy":
        """Gather what the stages of the pipeline found.

        Where the redshift is in doubt, numbers that depend on the names of lines are removed.

        Parameters
        ----------
        gas : GasProperties
            Gas properties, with the lines and the located galaxy that they come from.
        gradients : QTable
            Gradients of the same galaxy; assumptions that they rest on are in its ``meta``.
        """
        lines = gas.lines
        located, frame = lines.located, lines.located.frame
        flagged, trusted = _same, _same
        if frame.doubtful_redshift:
            flagged, trusted = _with_doubt, _without_numbers
        return cls(
            metadata=frame.metadata,
            redshift_err=frame.redshift_err,
            fluxes=flagged(lines.table),
            attenuation=trusted(gas.attenuation),
            abundances=flagged(gas.abundances),
            ionization=trusted(gas.ionization),
            classes=trusted(gas.classes),
            mass_excitation=trusted(gas.mass_excitation),
            gradients=gradients,
            apertures=located.apertures.apertures,
            coverage=located.apertures.coverage,
            weights=located.apertures.weights,
            x_arcsec=frame.x_arcsec.to_numpy(),
            y_arcsec=frame.y_arcsec.to_numpy(),
            maps=frame.maps,
            noise_scale={name: band.noise_scale for name, band in located.cubes.bands.items()},
            spectra={name: BandSpectra.of(fit) for name, fit in lines.fits.items()},
            assumptions=(
                *frame.assumptions,
                *_geometry_assumed(located),
                _WIDTH_OF_NOISE,
                *gas.assumptions,
                *gradients.meta.get("assumptions", ()),
            ),
            fits=lines.fits,
        )

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the gradients, below the name and redshift."""
        name, redshift = escape(self.metadata.name), f"{self.metadata.redshift:.5f}"
        shown = [c for c in _SHOWN_OF_GRADIENTS if c in self.gradients.colnames]
        table = self.gradients[shown].copy()
        for column in table.itercols():
            if column.dtype.kind == "f":
                column.info.format = ".4f"
        rows = "".join(table.pformat(max_lines=-1, max_width=-1, html=True, show_unit=True))
        return f"<p>MeasuredGalaxy <b>{name}</b>, z = {redshift}: gradients</p>{rows}"

    @property
    def annuli(self) -> tuple[Aperture, ...]:
        """Apertures of the gradient, outwards."""
        return tuple(a for a in self.apertures if a.name != INTEGRATED)

    @property
    def kpc_per_arcsec(self) -> float:
        """Proper transverse scale at the measured redshift."""
        return kpc_per_arcsec(self.metadata.redshift)

    def snr(self, aperture: str, line: str) -> float:
        """Return a line's flux over its error; NaN where it was not covered.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("snr", aperture, line)

    def upper_limit(self, aperture: str, line: str) -> float:
        """Return a line's 4-sigma limit in the unit of ``fluxes``; NaN for a detected line.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        return self._of_line("upper_limit", aperture, line)

    def is_doubtful(self, aperture: str, line: str) -> bool:
        """Return whether a line has a flag of its own: truncated, or with a wrong doublet ratio.

        Parameters
        ----------
        aperture, line : str
            Names, as in ``fluxes``.
        """
        rows = (self.fluxes["aperture"] == aperture) & (self.fluxes["line"] == line)
        flags = {flag for text in self.fluxes["flag"][rows] for flag in str(text).split("+")}
        return not flags.isdisjoint(LINE_FLAGS)

    def _of_line(self, column: str, aperture: str, line: str) -> float:
        rows = (self.fluxes["aperture"] == aperture) & (self.fluxes["line"] == line)
        return float(self.fluxes[column].value[rows][0]) if rows.any() else math.nan


def _same(table: QTable) -> QTable:
    return table


def _with_doubt(table: QTable) -> QTable:
    """Put the doubt before the other flags."""
    flagged = table.copy()
    flagged["flag"] = join_flags(DOUBTFUL_REDSHIFT, table["flag"])
    return flagged


def _without_numbers(table: QTable) -> QTable:
    """Remove the numbers that depend on the names of lines; the stellar mass does not."""
    emptied = table.copy()
    for name in table.colnames:
        if table[name].dtype.kind == "f" and not name.startswith("log_stellar_mass"):
            emptied[name] = np.nan * table[name]
        elif name in _IN_PLACE:
            emptied[name] = np.full(len(table), _IN_PLACE[name])
    return emptied


def _geometry_assumed(located: LocatedGalaxy) -> tuple[str, ...]:
    """Say what is assumed of the disk and the seeing."""
    return *_unknown_size(located), *_unknown_seeing(located), *_no_thickness(located)


def _no_thickness(located: LocatedGalaxy) -> tuple[str, ...]:
    """Say that an inclined disk is taken as thin."""
    metadata = located.metadata
    if metadata.disk_thickness > 0.0 or not metadata.inclination_deg > 0.0:
        return ()
    return (
        "disk taken as infinitely thin; state --disk-thickness, 0.2 in the survey, for another",
    )


def _unknown_size(located: LocatedGalaxy) -> tuple[str, ...]:
    """Say what is assumed without an effective radius."""
    if math.isfinite(located.metadata.effective_radius_arcsec):
        return ()
    (radius,) = (a.outer_arcsec for a in located.apertures.apertures if a.name == INTEGRATED)
    note = (
        "effective radius not stated: the integrated aperture reaches as far as the annuli, "
        f"{radius:g} arcsec, where noise may outweigh the galaxy, and gradients are not corrected "
        "for seeing; state --effective-radius for an aperture of 1.5 effective radii"
    )
    return (note,)


def _unknown_seeing(located: LocatedGalaxy) -> tuple[str, ...]:
    """Say what is left out without the seeing."""
    if math.isfinite(located.metadata.seeing_fwhm_arcsec):
        return ()
    note = (
        "seeing not stated: gradients are not corrected for it, and the velocity map is smoothed "
        f"as for {TYPICAL_SEEING_ARCSEC:g} arcsec where it is faint; state --seeing, or --psf-star"
    )
    return (note,)

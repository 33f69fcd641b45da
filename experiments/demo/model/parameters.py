"""The parameters of the demo: ranges, presets, and how a state is written in a URL."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from kurvs_pipeline.errors import ConfigurationError
from kurvs_sim.survey.catalogue import catalogue_entry


@dataclass(frozen=True)
class Slider:
    """A parameter that a student can change, by its name in :class:`DemoParameters` and in URLs."""

    name: str
    label: str
    unit: str
    low: float
    high: float
    step: float
    digits: int

    def nearest(self, value: float) -> float:
        """Return the value of the slider nearest to a number; beyond its ends, the end."""
        steps = round((min(max(value, self.low), self.high) - self.low) / self.step)
        return round(self.low + steps * self.step, 6)

    def as_text(self, value: float) -> str:
        """Return a value as it is written in a URL."""
        return f"{value:.{self.digits}f}"


SLIDERS = (
    Slider("gradient", "Gradient", "dex/kpc", -0.10, 0.05, 0.005, 3),
    Slider("inclination_deg", "Inclination", "deg", 0.0, 75.0, 1.0, 0),
    Slider("effective_radius_arcsec", "Effective radius", "arcsec", 0.2, 0.8, 0.01, 2),
    Slider("seeing_fwhm_arcsec", "Seeing FWHM", "arcsec", 0.1, 1.2, 0.05, 2),
    Slider("psf_inverse_beta", "PSF wings, 1/β", "", 0.0, 0.4, 0.05, 2),
    Slider("halpha_snr", "S/N of Hα", "", 10.0, 200.0, 5.0, 0),
    Slider("dust_gradient", "Dust gradient", "mag/kpc", -0.3, 0.0, 0.02, 2),
    Slider("annulus_width_arcsec", "Annulus width", "arcsec", 0.2, 0.75, 0.05, 2),
)
"""The range of the effective radius keeps the steepest gradient within 12 + log(O/H) of 7 to 9.2;
sharper seeing than 0.1 arcsec is below the spaxels."""

KURVS_9_HALPHA_SNR = 16.6
"""Expected of the survey's exposures, in the true noise (docs/twin-signal-to-noise.ecsv)."""

MOST_SEEDS = 10_000


@dataclass(frozen=True)
class DemoParameters:
    """A state of the demo: the parameters of a galaxy and of its observation.

    Parameters
    ----------
    gradient : float
        True metallicity gradient, dex/kpc.
    effective_radius_arcsec : float
        Half-light radius of H-alpha before the dust.
    psf_inverse_beta : float
        Wings of a Moffat profile, 1 / beta; 0 is a Gaussian.
    halpha_snr : float
        S/N of H-alpha in 1.5 effective radii.
    dust_gradient : float
        Change of A_V with radius, mag/kpc, about 1 mag at the effective radius.
    annulus_width_arcsec : float
        Along the major axis.
    noise_seed : int
        Which draw of the noise, from 0 to 9999.

    Raises
    ------
    ConfigurationError
        If no galaxy could be shown so.
    """

    gradient: float = -0.05
    inclination_deg: float = 45.0
    effective_radius_arcsec: float = 0.5
    seeing_fwhm_arcsec: float = 0.6
    psf_inverse_beta: float = 0.0
    halpha_snr: float = 60.0
    dust_gradient: float = 0.0
    annulus_width_arcsec: float = 0.5
    noise_seed: int = 7

    def __post_init__(self) -> None:
        """Refuse what the simulator does not check itself."""
        for name in ("halpha_snr", "annulus_width_arcsec"):
            if not 0.0 < getattr(self, name) < math.inf:
                raise ConfigurationError(
                    f"{name} is {getattr(self, name)}; expected a finite number > 0"
                )
        if not 0 <= self.noise_seed < MOST_SEEDS:
            raise ConfigurationError(
                f"noise_seed is {self.noise_seed}; expected a whole number from 0 to "
                f"{MOST_SEEDS - 1}"
            )

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> tuple[Self, tuple[str, ...]]:
        """Read a state from the parameters of a URL; those left out keep their defaults.

        Returns
        -------
        parameters : DemoParameters
            Within all ranges.
        messages : tuple of str
            What was changed or ignored, for the page to show.
        """
        limits = {s.name: (s.low, s.high, s.as_text) for s in SLIDERS}
        limits["noise_seed"] = (0.0, MOST_SEEDS - 1.0, lambda value: f"{value:.0f}")
        read, messages = {}, []
        for name, text in query.items():
            value = _number(text)
            if name not in limits:
                messages.append(f"{_shown(name)} is no parameter of this page and was left out")
            elif value is None:
                messages.append(f"{name} is '{_shown(text)}', not a number; the default was taken")
            else:
                low, high, as_text = limits[name]
                read[name] = min(max(value, low), high)
                if read[name] != value:
                    messages.append(
                        f"{name} is {_shown(text)}; set to {as_text(read[name])}, the "
                        f"{'least' if value < low else 'most'} that this page shows"
                    )
        return replace(cls(), **read).on_sliders(), tuple(messages)  # type: ignore[arg-type]

    def on_sliders(self) -> Self:
        """Return the nearest state that the sliders can show."""
        nearest = {slider.name: slider.nearest(getattr(self, slider.name)) for slider in SLIDERS}
        return replace(self, **nearest, noise_seed=int(self.noise_seed))

    def as_query(self) -> dict[str, str]:
        """Return the parameters of a URL for this state."""
        query = {slider.name: slider.as_text(getattr(self, slider.name)) for slider in SLIDERS}
        return query | {"noise_seed": str(self.noise_seed)}

    def with_new_noise(self) -> Self:
        """Return the same galaxy with the next draw of the noise."""
        return replace(self, noise_seed=(self.noise_seed + 1) % MOST_SEEDS)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return None if math.isnan(value) else value


def _shown(text: str, longest: int = 30) -> str:
    """Return what somebody wrote in a URL, short and without marks that a page could obey."""
    plain = "".join(mark for mark in text if mark.isalnum() or mark in " .,+-_")
    return plain[:longest]


def presets() -> dict[str, DemoParameters]:
    """Return galaxies to begin with, by the name on their button.

    ``KURVS 9`` has the size, inclination and N2 gradient that Li et al. (2025) publish, at the
    demo's redshift, and the S/N that the survey's exposures are expected to give it.
    """
    entry = catalogue_entry(9)
    published = {name: gradient for name, gradient, *_ in entry.gradients}
    return {
        "KURVS 9": DemoParameters(
            gradient=published["n2"], inclination_deg=entry.inclination_deg,
            effective_radius_arcsec=entry.effective_radius_arcsec, halpha_snr=KURVS_9_HALPHA_SNR,
        ).on_sliders(),
        "Compact": DemoParameters(
            gradient=-0.08, effective_radius_arcsec=0.25, halpha_snr=100.0
        ),
        "Face-on giant": DemoParameters(
            gradient=-0.03, inclination_deg=0.0, effective_radius_arcsec=0.8, halpha_snr=100.0
        ),
        'JWST seeing 0.1"': DemoParameters(seeing_fwhm_arcsec=0.1, annulus_width_arcsec=0.25),
    }  # fmt: skip

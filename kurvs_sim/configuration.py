"""Read the TOML file that describes one mock: a galaxy, and how it is observed."""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from kurvs_pipeline.errors import ConfigurationError, MetadataError
from kurvs_sim.atmosphere import PointSpreadFunction
from kurvs_sim.galaxy import Galaxy
from kurvs_sim.instrument import SpaxelGrid
from kurvs_sim.profiles import Arctan, Constant, Exponential, Linear


class _Section(BaseModel):
    """A table of the file: unknown keys are refused, numbers are finite.

    A key that may be left out is None here, so that its default lives in one place: the
    object that is built.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    def stated(self) -> dict[str, Any]:
        """Return the plain values that the file states."""
        return {
            name: value
            for name, value in self
            if value is not None and not isinstance(value, _Section)
        }


class _OxygenAbundance(_Section):
    central: float
    gradient_dex_per_kpc: float

    def build(self) -> Linear:
        return Linear(central=self.central, gradient=self.gradient_dex_per_kpc)


class _ConstantAttenuation(_Section):
    kind: Literal["constant"]
    value_mag: float

    def build(self) -> Constant:
        return Constant(self.value_mag)


class _ExponentialAttenuation(_Section):
    kind: Literal["exponential"]
    central_mag: float
    scale_length_kpc: float

    def build(self) -> Exponential:
        return Exponential(central=self.central_mag, scale_length=self.scale_length_kpc)


class _Rotation(_Section):
    asymptote_kms: float
    turnover_radius_kpc: float

    def build(self) -> Arctan:
        return Arctan(asymptote=self.asymptote_kms, turnover_radius=self.turnover_radius_kpc)


class _Galaxy(_Section):
    name: str | None = Field(default=None, pattern=r"^[\w.+-]+$")
    redshift: float
    inclination_deg: float
    position_angle_deg: float
    effective_radius_arcsec: float
    halpha_flux: float | None = None
    dispersion_kms: float | None = None
    offset_x_arcsec: float | None = None
    offset_y_arcsec: float | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    oii_3729_to_3726: float | None = None
    sii_6716_to_6731: float | None = None
    oxygen_abundance: _OxygenAbundance
    a_v: (
        Annotated[_ConstantAttenuation | _ExponentialAttenuation, Field(discriminator="kind")]
        | None
    ) = None
    rotation: _Rotation | None = None

    def build(self) -> Galaxy:
        profiles: dict[str, Any] = {"oxygen_abundance": self.oxygen_abundance.build()}
        if self.a_v is not None:
            profiles["a_v"] = self.a_v.build()
        if self.rotation is not None:
            profiles["rotation"] = self.rotation.build()
        return Galaxy(**self.stated(), **profiles)


class _Seeing(_Section):
    kind: Literal["gaussian", "moffat", "kolmogorov"] | None = None
    fwhm_arcsec: float | None = None
    moffat_beta: float | None = None


class _Grid(_Section):
    n_x: int | None = None
    n_y: int | None = None
    spaxel_arcsec: float | None = None


class _Observation(_Section):
    bands: tuple[Literal["IZ", "YJ", "H"], ...] | None = Field(default=None, min_length=1)
    halpha_snr: float | str | None = None
    seed: int | None = Field(default=None, ge=0)
    psf: _Seeing = _Seeing()
    grid: _Grid = _Grid()

    @field_validator("halpha_snr", mode="before")
    @classmethod
    def _number_or_noise_free(cls, value: object) -> object:
        """Say both forms in one message, which a union of types would not."""
        if value == "noise-free":
            return value
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 0.0:
            return value
        raise PydanticCustomError("halpha_snr", 'expected a number > 0 or "noise-free"')

    def build(self) -> dict[str, Any]:
        options = self.stated()
        if options.get("halpha_snr") == "noise-free":
            options["halpha_snr"] = None
        options["psf"] = PointSpreadFunction(**self.psf.stated())
        options["grid"] = SpaxelGrid(**self.grid.stated())
        return options


class _Mock(_Section):
    galaxy: _Galaxy
    observation: _Observation = _Observation()


def load_mock(path: Path) -> tuple[Galaxy, dict[str, Any]]:
    """Read the description of a mock.

    Parameters
    ----------
    path : Path
        A TOML file such as ``examples/galaxy.toml``, which explains every key.

    Returns
    -------
    galaxy : Galaxy
        What is in the sky.
    options : dict
        Keyword arguments of :func:`kurvs_sim.observe`.

    Raises
    ------
    ConfigurationError
        In one line, naming the file, the key, what was found and what is allowed.
    """
    try:
        with Path(path).open("rb") as file:
            mock = _Mock.model_validate(tomllib.load(file))
        return mock.galaxy.build(), mock.observation.build()
    except OSError as error:
        raise ConfigurationError(f"{path}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: is not TOML ({error})") from None
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {_first_problem(error)}") from None
    except MetadataError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def _first_problem(error: ValidationError) -> str:
    """Say in one line what is wrong first, and how many problems follow."""
    # A misspelt key is also a missing one: name the spelling.
    problems = sorted(error.errors(include_url=False), key=lambda p: p["type"] != "extra_forbidden")
    first = problems[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        text = f"unknown key {key}; allowed here: {', '.join(_allowed_keys(first['loc']))}"
    elif first["type"] == "missing":
        text = f"{key} is missing"
    else:
        text = f"{key} is {first['input']!r}; {first['msg']}"
    return text if len(problems) == 1 else f"{text} (and {len(problems) - 1} more)"


_SECTIONS: dict[tuple[str, ...], type[_Section]] = {
    (): _Mock,
    ("galaxy",): _Galaxy,
    ("galaxy", "oxygen_abundance"): _OxygenAbundance,
    ("galaxy", "a_v", "constant"): _ConstantAttenuation,
    ("galaxy", "a_v", "exponential"): _ExponentialAttenuation,
    ("galaxy", "rotation"): _Rotation,
    ("observation",): _Observation,
    ("observation", "psf"): _Seeing,
    ("observation", "grid"): _Grid,
}


def _allowed_keys(location: tuple[int | str, ...]) -> list[str]:
    """Return the keys of the table that holds an unknown one."""
    section = _SECTIONS[tuple(str(part) for part in location[:-1])]
    return list(section.model_fields)

"""The TOML file that describes one mock: a galaxy, and how it is observed."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Strict, ValidationError, create_model
from pydantic_core import PydanticCustomError

from kurvs_pipeline.bands import KMOS_BANDS
from kurvs_pipeline.errors import ConfigurationError, CubeFormatError, MetadataError
from kurvs_pipeline.io.files import read_text
from kurvs_sim.configuration.kinds import PURE_NUMBER
from kurvs_sim.configuration.problems import first_problem
from kurvs_sim.configuration.sections import Section, field_of, section_for
from kurvs_sim.configuration.writing import described, plain, toml_text
from kurvs_sim.galaxy.galaxy import Galaxy
from kurvs_sim.observing import HIGHEST_HALPHA_SNR, LOWEST_HALPHA_SNR, observe
from kurvs_sim.validation import LARGEST_SEED

NOISE_FREE = "noise-free"
HERE = Path()


def _number_or_noise_free(value: object) -> object:
    """Say both forms in one message, which a union of types would not."""
    if value == NOISE_FREE:
        return value
    if (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and LOWEST_HALPHA_SNR <= value <= HIGHEST_HALPHA_SNR
    ):
        return value
    raise PydanticCustomError(
        "halpha_snr",
        f"expected a number from {LOWEST_HALPHA_SNR:g} to {HIGHEST_HALPHA_SNR:g}, "
        f'or "{NOISE_FREE}"',
    )


@cache
def _galaxy_section() -> type[Section]:
    return section_for(
        Galaxy,
        special={"name": Annotated[str, Field(pattern=r"^[\w.+-]+$")]},
        required=(
            "redshift", "inclination_deg", "position_angle_deg", "effective_radius_arcsec",
            "oxygen_abundance",
        ),
    )  # fmt: skip


@cache
def _observation_section(bands: tuple[str, ...]) -> type[Section]:
    band: Any = Literal[bands]
    section = section_for(
        observe,
        special={
            "galaxy": None,
            "bands": Annotated[tuple[band, ...], Field(min_length=1)],
            "halpha_snr": Annotated[
                float | Literal["noise-free"], BeforeValidator(_number_or_noise_free)
            ],
            "seed": Annotated[int, Strict(), Field(ge=0, le=LARGEST_SEED)],
        },
    )
    # The arguments are wanted, not the observation.
    section.described = dict
    return section


@cache
def _file_section(bands: tuple[str, ...]) -> type[Section]:
    """Return the model of the whole file, for the bands that are known."""
    section = create_model(
        "Mock",
        __base__=Section,
        galaxy=(_galaxy_section(), Field(description="What is in the sky.")),
        observation=(_observation_section(bands), field_of(None, "How it is observed.")),
    )
    section.parameter_of = {key: key for key in section.model_fields}
    return section


def _with_places(document: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let the name of a star's image count from a folder; what is no such name is left alone."""
    match document:
        case {"observation": {"psf": {"file": str(name)}}}:
            document["observation"]["psf"]["file"] = str(folder / name)
    return document


def load_mock(path: Path) -> tuple[Galaxy, dict[str, Any]]:
    """Read the description of a mock.

    Parameters
    ----------
    path : Path
        A TOML file such as ``examples/galaxy.toml``.

    Returns
    -------
    galaxy : Galaxy
        Galaxy with every property that the file states, others at their defaults.
    options : dict
        The keyword arguments of :func:`~kurvs_sim.observing.observe` that the file states.

    Raises
    ------
    ConfigurationError
        In one line, naming the file, the key, what was found and what is allowed.
    """
    try:
        text = read_text(Path(path), "a TOML file")
    except CubeFormatError as error:
        raise ConfigurationError(str(error)) from None
    try:
        return parse_mock(text, folder=Path(path).parent)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def parse_mock(text: str, *, folder: Path = HERE) -> tuple[Galaxy, dict[str, Any]]:
    """Read the description of a mock from TOML text, as :func:`load_mock` does from a file.

    Parameters
    ----------
    text : str
        The whole file, in TOML.
    folder : Path
        Folder that names of files in the text count from.
    """
    section = _file_section(tuple(KMOS_BANDS))
    try:
        file = section.model_validate(_with_places(tomllib.loads(text), folder)).arguments()
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"is not TOML ({error})") from None
    except ValidationError as error:
        raise ConfigurationError(first_problem(error, section)) from None
    except MetadataError as error:
        raise ConfigurationError(str(error)) from None
    options = file.get("observation", {})
    if options.get("halpha_snr") == NOISE_FREE:
        options["halpha_snr"] = None
    return file["galaxy"], options


def dump_mock(galaxy: Galaxy, options: Mapping[str, Any] | None = None) -> str:
    """Write the description of a mock as TOML: :func:`parse_mock` gives back the same.

    Parameters
    ----------
    galaxy : Galaxy
        Galaxy to describe; every property is written, those at their defaults too.
    options : mapping, optional
        Keyword arguments of :func:`~kurvs_sim.observing.observe`.

    Returns
    -------
    str

    Raises
    ------
    ConfigurationError
        If something has no form in the file, naming it.
    """
    stated = dict(options or {})
    if "halpha_snr" in stated and stated["halpha_snr"] is None:
        stated["halpha_snr"] = NOISE_FREE
    document: dict[str, Any] = {"galaxy": described(galaxy)}
    if stated:
        document["observation"] = {
            name: plain(value, name, PURE_NUMBER) for name, value in stated.items()
        }
    text = toml_text(document)
    # What could not be read back, such as a name that is none for a file, is refused here.
    parse_mock(text)
    return text


def mock_schema() -> dict[str, Any]:
    """Return the JSON schema of the file, with what the classes say of every key."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return dialect | _file_section(tuple(KMOS_BANDS)).model_json_schema()

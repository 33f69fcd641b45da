"""Errors that users meet, by cause.

Raise ``CubeFormatError`` when a file cannot be understood, ``MetadataError`` when a
value that describes the galaxy or the observation is missing or impossible,
``CoverageError`` when the data do not hold what was asked for (lines out of band,
apertures out of the field), ``ConfigurationError`` for a bad TOML file or option,
``OutputError`` when results cannot be written, and ``ResultsError`` when they cannot be read
back. Every message says what was expected, what was found and, where there is one, the fix.
"""


class KurvsError(Exception):
    """Base of every error that this project raises on purpose."""


class CubeFormatError(KurvsError):
    """A file is not a cube, table or spectrum that can be read."""


class MetadataError(KurvsError):
    """A property of the galaxy or observation is missing, impossible or contradictory."""


class CoverageError(KurvsError):
    """The data do not cover the lines or the apertures that were asked for."""


class ConfigurationError(KurvsError):
    """A configuration file or option has an unknown key or a bad value."""


class FitError(KurvsError):
    """Data that no model can be fitted to, such as fluxes with a singular covariance."""


class OutputError(KurvsError):
    """Results cannot be written where they were asked to go."""


class ResultsError(KurvsError):
    """A directory does not hold the results of a measurement, or not whole ones."""

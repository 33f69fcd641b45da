"""The kinds of input that are damaged."""

from fuzzing.commands import Commands
from fuzzing.cubes import Cubes
from fuzzing.mocks import Mocks
from fuzzing.tables import Tables

KINDS = {"cubes": Cubes, "toml": Mocks, "tables": Tables, "commands": Commands}

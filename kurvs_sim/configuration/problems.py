"""Say in one line what is wrong with a TOML file."""

from dataclasses import dataclass, field
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kurvs_sim.configuration.sections import Section, sections_in


def first_problem(error: ValidationError, file: type[Section]) -> str:
    """Say what is wrong first, and how many problems follow."""
    # A misspelt key is also a missing one: name the spelling.
    problems = sorted(error.errors(include_url=False), key=lambda p: p["type"] != "extra_forbidden")
    text = _described(problems[0], file)
    return text if len(problems) == 1 else f"{text} (and {len(problems) - 1} more)"


@dataclass
class _Place:
    """Where in the file a problem is, found by walking down the models."""

    section: type[Section]
    keys: list[str] = field(default_factory=list)
    kind: str | None = None
    choices: list[type[Section]] = field(default_factory=list)

    def step(self, part: int | str) -> None:
        """Go one step: into a key, an item of a sequence or a kind of table."""
        chosen = [choice for choice in self.choices if part in _kinds(choice)]
        if chosen:
            self.section, self.kind, self.choices = chosen[0], str(part), []
        elif isinstance(part, int):
            self.keys[-1] += f"[{part}]"
        else:
            self.keys.append(part)
            known = self.section.model_fields.get(part)
            inside = sections_in(known.annotation) if known else []
            if len(inside) == 1:
                self.section, self.kind = inside[0], None
            self.choices = inside if len(inside) > 1 else []


def _kinds(section: type[Section]) -> tuple[str, ...]:
    """Return the kinds that a table may say it is."""
    known = section.model_fields.get("kind")
    return get_args(known.annotation) if known else ()


def _described(problem: ErrorDetails, file: type[Section]) -> str:
    place = _Place(file)
    for part in problem["loc"]:
        place.step(part)
    key = ".".join(place.keys)
    kinds = ", ".join(kind for choice in place.choices for kind in _kinds(choice))
    match problem["type"]:
        case "extra_forbidden":
            where = f"with kind {place.kind}" if place.kind else "here"
            allowed = ", ".join(place.section.model_fields)
            return f"unknown key {key}; allowed {where}: {allowed}"
        case "missing":
            return f"{key} is missing"
        case "union_tag_not_found":
            return f"{key}.kind is missing; expected one of {kinds}"
        case "union_tag_invalid":
            return f"{key}.kind is {problem['ctx']['tag']!r}; expected one of {kinds}"
        case "tuple_type" if isinstance(problem["input"], dict):
            return f"{key} is one table; expected a list of them: write [[{key}]]"
    return f"{key} is {problem['input']!r}; {problem['msg']}"

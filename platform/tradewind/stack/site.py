"""Where a stack stands: its folder, its ports and passwords, and which engines somebody else runs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dotenv import dotenv_values

from tradewind.passwords import Passwords, write_private
from tradewind.stack.ports import Ports

PREFIX = "TRADEWIND_"
FILE = "stack.env"


def repository_root() -> Path:
    """The checkout this package runs from, or the current folder when it was installed as a wheel."""
    checkout = Path(__file__).resolve().parents[3]
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


def default_var() -> Path:
    """The stack's folder: TRADEWIND_VAR_DIR, else `var` of the checkout."""
    given = os.environ.get(f"{PREFIX}VAR_DIR")
    return (Path(given) if given else repository_root() / "var").absolute()


def given_variables(var: Path, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the user has set: the environment, else `.env`; an empty value is as good as none.

    What a stack itself wrote to `stack.env`, sourced into a shell, is no choice of the user's.
    """
    written = read_variables(var)
    dotenv = dotenv_values(repository_root() / ".env")
    found = {**dotenv, **(os.environ if environment is None else environment)}
    return {
        name: value
        for name, value in found.items()
        if name.startswith(PREFIX) and value and name != f"{PREFIX}VAR_DIR" and written.get(name) != value
    }


def read_variables(var: Path) -> dict[str, str]:
    """The variables of the stack in `var`; empty when none runs."""
    return {name: value for name, value in dotenv_values(var / FILE).items() if value}


def use_addresses(var: Path) -> None:
    """Take the addresses of the stack in `var`, where the environment names no others."""
    for name, value in read_variables(var).items():
        os.environ.setdefault(name, value)


def write_variables(var: Path, variables: Mapping[str, str]) -> None:
    """Tell every process on this machine, through `stack.env`, where the engines are."""
    write_private(var / FILE, "".join(f"{name}={value}\n" for name, value in sorted(variables.items())))


def remove_variables(var: Path) -> None:
    """Take the addresses of engines that no longer run away."""
    (var / FILE).unlink(missing_ok=True)


@dataclass(slots=True)
class Site:
    """What the parts of a stack are declared with."""

    var: Path
    given: Mapping[str, str]
    ports: Ports
    passwords: Passwords
    root: Path
    variables: dict[str, str] = field(default_factory=dict)
    """The TRADEWIND_* variables every process of the stack gets."""
    outside: dict[str, str] = field(default_factory=dict)
    """Engines that run elsewhere, each with the variable that names it."""

    @classmethod
    def at(cls, var: Path, given: Mapping[str, str]) -> Site:
        """The site in a folder, made when it isn't there."""
        var = var.absolute()
        var.mkdir(parents=True, exist_ok=True)
        site = cls(var, given, Ports(var / "ports.json"), Passwords(var / "passwords.json"), repository_root())
        site.variables = {**given, f"{PREFIX}VAR_DIR": str(var)}
        return site

    def is_outside(self, engine: str, field_name: str) -> bool:
        """Whether a server was named for this engine, which is then not started here."""
        variable = f"{PREFIX}{field_name.upper()}"
        if variable not in self.given:
            return False
        self.outside[engine] = variable
        return True

    def publish(self, **fields: str) -> None:
        """Set variables, by the names of the settings' fields."""
        self.variables.update({f"{PREFIX}{name.upper()}": value for name, value in fields.items()})

    def log(self, name: str) -> Path:
        """Where a service's output goes."""
        return self.var / "log" / f"{name}.log"

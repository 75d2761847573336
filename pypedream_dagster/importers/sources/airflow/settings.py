"""Configuration in sections, as ``configparser`` reads it from the given files."""

from __future__ import annotations

import configparser
from dataclasses import dataclass, field

from pypedream_dagster.importers.sources.airflow.natives import text_of
from pypedream_dagster.importers.sources.airflow.values import MISSING, OpenFile, Unknown, Value, named
from pypedream_dagster.importers.sources.airflow.workspace import Workspace

PARSERS = {f"configparser.{name}" for name in ("ConfigParser", "RawConfigParser", "SafeConfigParser")}
_GETTERS = {"get", "getint", "getfloat", "getboolean"}


@dataclass(slots=True, eq=False)
class Settings:
    """A parser of configuration files, with what it has read."""

    parser: configparser.ConfigParser = field(default_factory=lambda: configparser.ConfigParser(strict=False))

    def section(self, name: Value) -> Value:
        """Return a section as a table; unknown if none of the given files has it."""
        key = named(name)
        if not self.parser.has_section(key):
            return Unknown(f"config.{key}")
        return {option: self._option(key, option) for option in self.parser.options(key)}

    def method(self, name: str, given: list[Value], keywords: dict[str, Value], files: Workspace, path: str) -> Value:
        """Return what a method of the parser gives; MISSING if it is not known here."""
        first = given[0] if given else next(iter(keywords.values()), None)
        if name in _GETTERS and len(given) >= 2:
            default = keywords.get("fallback", MISSING)
            section, option = named(first), named(given[1])
            known = self.parser.has_section(section) and self.parser.has_option(section, option)
            return self._option(section, option) if known else Unknown(f"config.{section}.{option}", default)
        match name:
            case "read" | "read_file" | "read_string" | "readfp":
                for one in first if isinstance(first, list | tuple) else [first]:
                    self._read(name, one, files, path)
                return None
            case "sections":
                return self.parser.sections()
            case "options" if self.parser.has_section(named(first)):
                return self.parser.options(named(first))
            case "items" if isinstance(section := self.section(first), dict):
                return list(section.items())
            case "has_section" if self.parser.sections():
                return self.parser.has_section(named(first))
            case _:
                return MISSING

    def _read(self, name: str, given: Value, files: Workspace, path: str) -> None:
        if name == "read":
            found = files.config(text_of(given), path)
            text = found.text if found is not None else ""
        else:
            text = given.text if isinstance(given, OpenFile) else given if isinstance(given, str) else ""
        try:
            self.parser.read_string(text)
        except configparser.Error:
            return  # it stays unknown

    def _option(self, section: str, option: str) -> Value:
        try:
            return self.parser.get(section, option)
        except configparser.Error:
            return self.parser.get(section, option, raw=True)

"""Terraform files, plans and states: what they deploy, as a `Survey`."""

from pypedream_dagster.importers.sources.terraform.reading import survey

__all__ = ["survey"]

"""CloudFormation and SAM templates: what they deploy, as a `Survey`."""

from pypedream_dagster.importers.sources.cloudformation.reading import survey

__all__ = ["survey"]

"""CDK programs in TypeScript and Python, as the templates that they would synthesize, as far as their code tells."""

from pypedream_dagster.importers.sources.cdk.source import is_program, programs_of

__all__ = ["is_program", "programs_of"]

"""State machines of Step Functions → Survey: read, followed with the data they pass on, contracted to tasks."""

from pypedream_dagster.importers.sources.step_functions.live import live_survey
from pypedream_dagster.importers.sources.step_functions.sources import survey

__all__ = ["live_survey", "survey"]

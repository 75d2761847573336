"""The abstract pipeline graph: pure, no AWS, no Dagster, no clock."""

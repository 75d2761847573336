"""Airflow's DAG files → flows of tasks, without running them: the code is walked as if it ran, on values that it tells.

``source.survey`` is the way in. ``statements``, ``calls`` and ``expressions`` walk the code; ``constructs`` is what
Airflow's own names mean, ``libraries`` what others do; ``pipeline`` is what DAGs are built up to, and ``flows`` makes
the survey of it. ``dagbag`` asks Airflow itself instead, which does run the code.
"""

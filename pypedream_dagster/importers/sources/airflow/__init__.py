"""Airflow's DAG files → flows of tasks, without running them: the code is walked as if it ran, on values that it tells.

``source.survey`` is the way in. ``expressions``, ``calls``, ``statements`` and ``modules`` walk Python; ``making``,
``running`` and ``reader`` are what Airflow's own names mean, ``libraries`` what others do, ``workspace`` the files;
``pipeline`` is what DAGs are built up to, and ``flows`` makes the survey of it, with ``operations``, ``starts`` and
``templates``. ``dagbag`` asks Airflow itself instead, which does run the code.
"""

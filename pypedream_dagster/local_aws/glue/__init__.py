"""The Glue API for jobs, job runs, tags, triggers and connections; the catalog is moto's."""

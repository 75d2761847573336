"""The Glue API for jobs, job runs and tags; the catalog is moto's."""

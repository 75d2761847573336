"""What moto's S3 does not do, or does too slowly."""

"""Flows of the request desk."""

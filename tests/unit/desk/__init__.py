"""Pure rules of the request desk."""

"""People come in, are found, and are kept in order."""

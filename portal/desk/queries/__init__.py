"""The read side of the desk: plain rows for pages, in a fixed number of statements."""

"""The read side of people."""

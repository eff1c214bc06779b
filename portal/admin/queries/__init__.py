"""Reading side of administration, by page."""

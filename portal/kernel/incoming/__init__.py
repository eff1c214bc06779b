"""Mail that comes in: reading its bytes (``reading``), keeping it before anything is decided (``store``), and where it comes from."""

"""Rules of the code base that a reviewer would otherwise have to repeat, made executable."""

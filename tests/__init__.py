"""Tests of Hearth: see tests/README.md."""

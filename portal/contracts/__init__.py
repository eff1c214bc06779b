"""The events that features publish; frozen dataclasses of plain values, so that anybody may read them later."""

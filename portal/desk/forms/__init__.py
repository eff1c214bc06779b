"""Forms of the desk: what people type, within limits, before an action decides."""

"""What tests stand on: databases, browsers, the named little company, guards."""

"""Keeping what people wrote: backup, restore into quarantine, release, upgrade.

An archive is one tar file: the manifest first, then a snapshot of the database, key and settings, every file the snapshot names, and a
last member without which the archive is not whole. Who may do it: the operator, by command; an administrator releases a copy.
"""

"""Hearth, the portal where a company takes care of its own people.

Packages, each allowed to import only what stands before it::

    kernel         settings, database, units of work, jobs, mail, files, forms, policy; no business words
    contracts      the events that features publish, as frozen dataclasses; standard library only
    people         persons, departments, locations, roles, calendars, absence, sign-in, import, directory
    notifications  what a person is told: ledger, inbox, preferences, bundled mail
    desk, home, admin   features; they never import each other and meet through contracts, slots and addresses
    content        shipped data: the service catalogue and the demo company
    app, cli       the only modules that know every feature
"""

"""What a person is told: one ledger, the inbox, preferences, bundled mail and the daily digest.

Nouns: notice, kind, why, bundle, digest, quiet hours. Everybody reads their own notices and sets their own preferences; nobody
reads another's. Other features call :func:`portal.notifications.actions.tell` and register their kinds in
:mod:`portal.notifications.kinds`.
"""

"""Pages that keep the portal running: jobs, mail, record of changes, health, settings.

Administrators see all of them; auditors read the record of changes; everybody else gets a refusal.
"""

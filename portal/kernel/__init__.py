"""What every feature stands on: settings, database, transactions, jobs, mail, files, forms, policy. No business words here."""

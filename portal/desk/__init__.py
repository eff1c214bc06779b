"""The request desk: services a department offers, requests people file, clocks that keep promises honest.

Nouns: service, request, message, clock, promise, breach. A requester files, writes, cancels and confirms; fulfillers of the
owning department answer, claim, hand over and resolve; its leads look after services and promises; auditors read.
Confidential requests are seen by their requester, those they add, and the fulfillers named for the service only.
``clock.py`` computes clocks from events, ``clocks.py`` keeps them as rows; ``actions`` holds every write.
"""

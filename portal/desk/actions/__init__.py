"""Everything that changes a request. One function per intent; all take ``actor`` and ``now``, flush, and never commit.

``filing``        file_request, edit_request
``conversation``  add_message, reply, add_note, no_reply_needed, undo_no_reply_needed, add_participant, remove_participant
``assigning``     claim, assign
``deciding``      cancel, confirm, ask_again, close_silent
``moving``        transfer, set_priority, pause, resume, plan

They raise Refusal (with the form field it belongs to) for what a rule forbids and Conflict when somebody was faster. Rights are
the loaders' business: hand in a request that ``policy.find_request(actor, id, to=...)`` returned.
"""

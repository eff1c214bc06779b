"""Data only: what Hearth ships. Nothing here knows the database; other packages read it once and keep their own rows.

``catalogue/<department>.toml``  the 56 services in seven departments, read by ``portal.content.catalogue``::

    key, name, value_line (at most ten words), mail (local part of the address), icon (Tabler outline)
    [[services]]
    key             slug, unique over all departments
    name            as listed
    question        the h1 of its form;  hint: the line under it;  example: placeholder of "In one line"
    outcome         what you can do afterwards;  keywords: what people type;  icon
    first_response, resolution   working hours for normal priority. No resolution: a date is agreed in the first answer
    matrix          true: no numbers of its own, the rows of policies.toml hold
    due_field       the required date field by which it is done (in place of resolution)
    round_the_clock, confidential, approval, fan_out, also_tells, call_first, call_note
    fields          key, label, type, required, help, placeholder, options (choice, choices), min and max
                    (number: the value; date and datetime: days from today), max_length (text, long_text)

Common to every form and therefore not listed as fields: one line, description, impact, would a customer notice, followers,
on behalf of, please call me. ``approval`` and ``fan_out`` are facts for later; the form must not claim them yet.

``policies.toml``  the priority matrix, the rule that derives four promises from one, and the presets of a new company.

``demo/``  Marlow Cycles, read by ``portal.content.demo``: ``company.toml`` (locations, departments, personas), ``names.toml``
(names, job titles, lines about people), ``story.toml`` (request 4127 and the queue around it) and
``conversations/<service>.toml``::

    service         key of the catalogue
    [[cases]]
    title           at most 120 characters;  description: one to three sentences
    impact          nuisance, slower or stopped
    customer        what a customer would notice; empty: nothing
    places          keys of places in company.toml where it may have happened
    answers         field key = value; dates as "+3" or "-2" (days from filing), date-times as "+3 10:00";
                    persons as a person key of company.toml, "requester" or "colleague"; departments and locations as keys;
                    files as a file name
    departments     keys of the departments that ask this; empty: anybody
    steps           by, kind, text, next_step, after (working hours since the step before), due (working hours from the
                    step to the promised date), workaround, wait (true: the clock pauses for the requester), late

``by`` is requester, fulfiller, colleague (of the serving side) or system; ``kind`` is acknowledgement, reply, question, note, resolve,
requester_message, confirm or reopen.
"""

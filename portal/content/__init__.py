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
    takes_mail      true for the one service at which mail to the department's own address opens
    round_the_clock, confidential, approval, fan_out, also_tells, call_first, call_note
    fields          key, label, type, required, help, placeholder, options (choice, choices), min and max
                    (number: the value; date and datetime: days from today), max_length (text, long_text)

Common to every form and therefore not listed as fields: one line, description, impact, would a customer notice, followers,
on behalf of, please call me. ``approval`` and ``fan_out`` are facts for later; the form must not claim them yet.

``policies.toml``  the priority matrix, the rule that derives four promises from one, and the presets of a new company.

``demo/``  Marlow Cycles, read by ``portal.content.marlow``: ``company.toml`` (locations with places, departments, people with a
story), ``names.toml`` (names, job titles, lines about people), ``story.toml`` (request 4127 and the queue around it, at moments
relative to now) and ``conversations/<service>.toml``::

    service         key of the catalogue
    [[cases]]
    title           at most 120 characters;  description: one to three sentences
    impact          nuisance, slower or stopped
    customer        what a customer would notice; missing: nothing
    places          keys of places in company.toml where it may have happened; the requester works at that location
    departments     keys of the departments that ask this; missing: anybody
    answers         field key = value; dates as "+3" or "-2", date-times as "+3 10:00" (working days from filing, local time);
                    persons as a person key, "requester" or "colleague"; departments as keys; locations as a place key or
                    "here" (the place of the request); files as a name. Files may be missing even where the form asks for one
    steps           by        requester, fulfiller, or colleague (another person of the serving side)
                    kind      acknowledgement, reply, question, note, resolve, requester_message, confirm or reopen
                    after     hours since the step before (since filing), in the working time of the serving department
                    text      may name {requester}, {fulfiller}, {colleague} (first names) and {due} (the promised date as "Thu 12:00")
                    next_step, due   what comes next, and the hours from this step to the promised date; always both
                    workaround       true: relief, the fix follows
                    wait             "requester" or "supplier": the clock pauses until the next step of that side

Every case runs to its end; a demo that lives around today cuts it off at now. People named in the texts
(``marlow.mentioned``) should neither ask nor answer the case.
"""

"""The whole first story on both databases: people from a file, a cold radiator, an honest promise, and "did it work?"."""

import io

import pytest

from tests.support.client import Page, Visitor

pytestmark = pytest.mark.postgres

FILE = (
    "staff_number;name;given_name;email;department;manager;location;start_date\n"
    "MC-1001;Rosa Nyström;Rosa;rosa.nystrom@marlow.example;Marketing;MC-0120;Mill Road;2026-11-02\n"
    "MC-1002;Bad Address;Bad;not an address;Marketing;MC-0120;Mill Road;2026-11-02\n"
)
"""A new colleague, and a row that cannot be taken."""


def bring_in(ada: Visitor, run_jobs) -> Page:
    """Take the people file over as the administrator."""
    page = ada.get("/administration/import")
    preview = page.submit("file", file=(io.BytesIO("\ufeff".encode() + FILE.encode()), "people.csv"))
    run_jobs()
    preview = ada.get(preview.path)
    assert "Rosa Nyström" in preview or "1 added" in preview or "MC-1001" in preview, preview
    assert "MC-1002" in preview, preview
    done = preview.submit("confirm")
    run_jobs()
    return ada.get(done.path)


def newcomer(app, outbox, ada: Visitor, run_jobs) -> Visitor:
    """Rosa gets an invitation, chooses a password and signs in with it."""
    invited = ada.get("/administration/people/MC-1001")
    invited.submit("invite")
    run_jobs()
    link = next(word for word in outbox(to="rosa.nystrom@marlow.example")[-1].text.split() if "/link/" in word)
    rosa = Visitor(app)
    page = rosa.get(link)
    password = "a lamp beside the window"
    landed = page.submit("password", **{name: password for name in page.form("password").names if name.startswith("password")})
    assert landed.status == 200, landed
    return rosa


def test_a_cold_radiator_from_the_people_file_to_a_warm_room(app, world, sign_in, run_jobs, outbox, clock):
    """Rosa comes in by a file, asks Facilities, sees the promise, gets the mail; Jonas claims, answers with a date; it is solved."""
    ada = sign_in(world.ada)
    bring_in(ada, run_jobs)
    rosa = newcomer(app, outbox, ada, run_jobs)

    form = rosa.get("/need").follow("Something in the building is broken")
    assert "Facilities answers within" in form
    asked = form.submit("title", title="Radiator stays cold", description="The one by the window.", impact="slower")
    assert asked.status == 200
    assert "Radiator stays cold" in asked
    assert "14:00" in asked, asked  # four working hours after ten
    number = asked.path.rsplit("/", 1)[-1]

    run_jobs()
    receipt = outbox(to="rosa.nystrom@marlow.example")[-1]
    assert "Radiator stays cold" in receipt.subject + receipt.text
    assert "14:00" in receipt.text

    jonas = sign_in(world.jonas)
    queue = jonas.get("/queue/facilities")
    assert "Radiator stays cold" in queue
    taken = jonas.get(f"/requests/{number}").submit("work/claim")
    assert "Jonas" in taken

    clock.advance(hours=1)
    work = jonas.get(f"/requests/{number}")
    sent = work.submit(
        "next_step", body="Thanks Rosa, the valve is stuck. I change it tomorrow.", next_step="Change the valve", next_step_at="2026-11-25T12:00"
    )
    assert sent.status == 200, sent

    run_jobs()
    assert any("Change the valve" in mail.text for mail in outbox(to="rosa.nystrom@marlow.example"))
    page = rosa.get(f"/requests/{number}")
    assert "Change the valve" in page
    assert "12:00" in page
    answered = page.submit("messages", body="Fine with me, I am here all day.")
    assert "Fine with me" in answered

    explained = rosa.get(f"/requests/{number}/clock")
    assert explained.status == 200
    assert "11:00" in explained, explained  # when the first answer stopped its clock

    clock.advance(hours=23)
    work = jonas.get(f"/requests/{number}")
    work.submit("next_step", body="The valve is new and the room is warm.", kind="fix")
    run_jobs()
    page = rosa.get(f"/requests/{number}")
    assert "Did it work?" in page
    confirmed = page.submit("Yes, it works")
    assert confirmed.status == 200
    run_jobs()
    assert "Radiator stays cold" not in jonas.get("/queue/facilities")

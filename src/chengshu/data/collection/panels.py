"""What the page of a catalogue entry shows of its collection."""

from django.template.loader import render_to_string

from chengshu.data.catalog.facade import Resource
from chengshu.data.collection import selectors
from chengshu.data.collection.presentation import (
    check_tone,
    check_url,
    check_words,
    plan_url,
    schedule_words,
)
from chengshu.kernel.access.actor import Actor


def checks(actor: Actor, entry: Resource) -> str:
    """The plans of an entry, each with its last reconciliation; "" when there is no plan."""
    last = {c.plan_id: c for c in selectors.last_checks(actor).filter(plan__resource=entry)}
    rows = [
        {
            "plan": plan, "url": plan_url(plan), "when": schedule_words(plan),
            "checking": check_words(plan), "check": last.get(plan.pk),
            "tone": check_tone(last[plan.pk]) if plan.pk in last else "",
            "check_url": check_url(last[plan.pk]) if plan.pk in last else "",
        }
        for plan in selectors.plans(actor).filter(resource=entry)
    ]  # fmt: skip
    return render_to_string("collection/resource_panel.html", {"rows": rows}) if rows else ""

"""The demo city's duplicates, found in what was really collected, a designated source, and one proposal waiting."""

import csv
import io
from typing import Any

from chengshu.data.discovery.choices import MemberRole
from chengshu.data.discovery.models import ClusterMember, ItemCluster, LeadSource, Proposal
from chengshu.data.discovery.services import duplicates, proposals
from chengshu.kernel.identity.models import Organization
from chengshu_demo import rows

# The police keep the register of residents; by law their entries are the source of who somebody is.
POLICE, REGISTER = "330383-GA", "ga_resident_population"
BASIS = "《户口登记条例》《居民身份证法》：公安机关登记"
TITLES = ("姓名", "出生日期", "性别代码")
NEW_TABLE, NEW_TITLE = "ss_temp_relief", "临时救助发放台账"
NEW_ROWS = 400
# The small city has few people: a smaller sample tells the same and takes a fraction of the time.
SUBJECTS_LOOKED_AT = 500


def load(context: Any) -> None:
    """Run the finder, name the police the source of basic facts, and have one file looked at; harmless to repeat."""
    found = duplicates.search_duplicates(sample=SUBJECTS_LOOKED_AT)
    basic = ItemCluster.objects.filter(subject="person", title__in=TITLES)
    duplicates.count_conflicts(*[c for c in basic if _designate(c, context.actor)])
    waiting = _proposal(context.actor)
    led = LeadSource.objects.count()
    context.say(f"数据发现：重复采集 {found} 组，数源 {led} 个，待确认目录建议 {waiting} 份")


def _designate(cluster: ItemCluster, actor: Any) -> bool:
    """Whether the police became the source now."""
    if LeadSource.objects.filter(cluster=cluster).exists():
        return False
    member = (
        ClusterMember.objects.filter(cluster=cluster, resource__physical_name=REGISTER)
        .exclude(role=MemberRole.LEAD)
        .select_related("cluster", "resource__provider")
        .first()
    )
    if member is None:
        return False
    duplicates.designate(actor=actor, member=member, basis=BASIS)
    return True


def _proposal(actor: Any) -> int:
    """A spreadsheet of a department, as if its officer had uploaded it: guessed, not yet confirmed."""
    if not Proposal.objects.exists():
        owner = Organization.objects.get(code="330383-SS")
        text = _spreadsheet().encode()
        for item in proposals.request_file(
            actor=actor, owner=owner, name=f"{NEW_TITLE}.csv", chunks=[text]
        ):
            proposals.analyse(item)
    return Proposal.objects.count()


def _spreadsheet() -> str:
    """A delivery with the abbreviations a department's own system uses as headers."""
    from chengshu.data.discovery.inference.words import initials
    from chengshu_demo import city

    entry = city().entry(NEW_TABLE)
    batch = next(rows(NEW_TABLE, scale="small")).slice(0, NEW_ROWS)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([initials(item.title) for item in entry.items[:16]])
    columns = [batch.column(item.column).to_pylist() for item in entry.items[:16]]
    writer.writerows(zip(*columns, strict=True))
    return out.getvalue()

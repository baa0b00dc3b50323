"""What happens here when a dataset gets a new release."""

from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.voices.models import Subscription
from chengshu.kernel.events.models import Event
from chengshu.kernel.events.services import subscribe
from chengshu.kernel.notices.services import notify


@subscribe("city.opening.dataset.published", name="opening_voices.tell_followers")
def released(event: Event) -> None:
    """Tell everybody who follows the dataset, once per release."""
    dataset = OpenDataset.objects.filter(pk=event.data["id"]).first()
    if dataset is None:
        return
    for held in Subscription.objects.filter(dataset=dataset).select_related("account"):
        notify(
            account=held.account, title=f"“{dataset.title}”有新版本",
            body=f"第 {event.data['release']} 版，{event.data['rows']:,} 条记录。",
            url=f"/open/datasets/{dataset.slug}/",
            key=f"opening.release:{dataset.pk}:{event.data['release']}:{held.account_id}",
        )  # fmt: skip

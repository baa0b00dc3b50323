"""The catalogue learns which open datasets are drawn from an entry, and where their files lie."""

from chengshu.data.catalog.facade import DatasetOffer, consumers_of
from chengshu.data.opening import consumers, offers
from chengshu.data.opening.models import OpenDataset
from chengshu.data.opening.services import datasets
from chengshu.data.opening.tests.cast import Scene
from chengshu.kernel.jobs.services import run_job


def test_a_dataset_is_a_consumer_until_it_is_withdrawn(scene: Scene) -> None:
    item = scene.dataset()
    (found,) = consumers.of_resource(scene.resource.pk)
    assert (found.kind, found.name) == ("dataset", item.title)
    assert set(found.fields) == set(item.fields)
    assert found in consumers_of(scene.resource.pk)
    OpenDataset.objects.update(state="withdrawn")
    assert list(consumers.of_resource(scene.resource.pk)) == []


def test_the_files_of_the_current_release_are_offered(scene: Scene) -> None:
    item = scene.dataset()
    assert offers.of_resources([scene.resource.pk]) == {}
    job = datasets.publish(actor=scene.admin, dataset=item)
    run_job.func(str(job.id))
    found = offers.of_resources([scene.resource.pk])[scene.resource.pk]
    [dataset] = [offer for offer in found if isinstance(offer, DatasetOffer)]
    files = {offer.media_type: offer for offer in dataset.files}
    csv = files["text/csv"]
    assert csv.download_url.endswith(f"{item.slug}.csv")
    assert csv.size
    assert csv.licence.startswith("https://creativecommons.org/")

"""Start-up of the registry: manifests are read and validated as a Django system check."""

from django.apps import AppConfig
from django.core import checks


class RegistryConfig(AppConfig):
    name = "chengshu.kernel.registry"
    label = "registry"
    verbose_name = "清单登记"

    def ready(self) -> None:
        from chengshu.kernel.registry.validation import check_manifests

        checks.register(check_manifests)

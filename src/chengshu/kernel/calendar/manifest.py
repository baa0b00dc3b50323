"""What the working calendar brings: nothing but itself; the pages belong to the console."""

from chengshu.kernel.registry.manifest import Manifest

MANIFEST = Manifest(
    key="calendar", name="工作日历", description="法定节假日、调休上班日和办理期限的计算"
)

"""One process and one service."""

from chengshu.kernel.registry.manifest import Manifest, ProcessService

MANIFEST = Manifest(
    key="seal",
    name="用印审批",
    description="只用于测试",
    processes=("flows/seal.bpmn",),
    process_services=(
        ProcessService(
            key="seal.register", name="登记用印",
            call="chengshu.kernel.process.tests.seal.services.register",
        ),
    ),
    package="chengshu.kernel.process.tests.seal",
)  # fmt: skip

"""What oversight brings."""

from chengshu.kernel.registry.manifest import Action, Manifest, Menu

MANIFEST = Manifest(
    key="oversight",
    name="审计查阅",
    description="查阅、导出、校验审计记录",
    menus=(
        Menu(
            portal="console", layer="system", title="审计记录", url_name="audit:records",
            icon="fingerprint", permission="audit.view", order=840,
        ),
    ),
    actions=(
        Action(
            key="audit.export", name="导出审计记录",
            fields=(("format", "格式"), ("rows", "行数"), ("conditions", "条件")),
        ),
        Action(
            key="audit.evidence_exported", name="导出留痕交第三方",
            fields=(("since", "起"), ("until", "止"), ("application", "只交应用"), ("chains", "各链条的起止记录")),
        ),
        Action(
            key="audit.evidence_downloaded", name="下载导出的留痕",
            fields=(("sha256", "文件摘要"),),
        ),
        Action(key="audit.evidence_removed", name="删除过期的留痕导出"),
        Action(
            key="audit.key_renewed", name="更换锚点密钥",
            fields=(("key", "新密钥"), ("former", "原密钥"), ("since", "泄露时间")),
        ),
        Action(
            key="audit.key_compromised", name="宣布锚点密钥泄露",
            fields=(("key", "密钥"), ("since", "泄露时间")),
        ),
        Action(key="audit.verify_started", name="发起审计校验"),
        Action(
            key="audit.verified", name="完成审计校验",
            fields=(("records", "记录数"), ("checkpoints", "检查点数"), ("problems", "问题数")),
        ),
    ),
)  # fmt: skip

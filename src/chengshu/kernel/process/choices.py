"""Closed lists of the process package."""

from django.db.models import TextChoices


class CaseState(TextChoices):
    RUNNING = "running", "办理中"
    SUSPENDED = "suspended", "已暂停"
    FINISHED = "finished", "已办结"
    CANCELLED = "cancelled", "已撤销"


class TaskState(TextChoices):
    """``waiting``: a later turn of a countersign, or a task that waits for an added signer's opinion."""

    WAITING = "waiting", "等待前一人"
    OPEN = "open", "待办"
    DONE = "done", "已办"
    RETURNED = "returned", "已退回"
    WITHDRAWN = "withdrawn", "已撤回"
    CLOSED = "closed", "无需办理"


class TaskKind(TextChoices):
    STEP = "step", "办理"
    SIGN = "sign", "会签"
    ADDED = "added", "加签"
    SUPPLEMENT = "supplement", "补正"


class TraceAct(TextChoices):
    START = "start", "发起"
    OPEN = "open", "到达"
    CLAIM = "claim", "签收"
    RELEASE = "release", "放回"
    COMPLETE = "complete", "办理"
    SIGN = "sign", "会签"
    DELEGATE = "delegate", "委托"
    ANSWER = "answer", "回复委托"
    TRANSFER = "transfer", "转办"
    ADD_SIGNER = "add_signer", "加签"
    RETURN = "return", "退回"
    WITHDRAW = "withdraw", "撤回"
    SUSPEND = "suspend", "暂停"
    SUPPLEMENT = "supplement", "要求补正"
    RESUME = "resume", "恢复"
    URGE = "urge", "催办"
    SUPERVISE = "supervise", "督办"
    RELIEVE = "relieve", "解除督办"
    JUMP = "jump", "跳转"
    COMMENT = "comment", "留言"
    COPY = "copy", "抄送"
    TIMER = "timer", "到时"
    WARN = "warn", "临期提醒"
    OVERDUE = "overdue", "超期"
    ESCALATE = "escalate", "超期升级"
    FINISH = "finish", "办结"
    CANCEL = "cancel", "撤销"


class TimerKind(TextChoices):
    EVENT = "event", "流程定时"
    WARN = "warn", "临期提醒"
    OVERDUE = "overdue", "超期"
    ESCALATE = "escalate", "超期升级"


class TimerState(TextChoices):
    WAITING = "waiting", "等待"
    HELD = "held", "随办件暂停"
    ASIDE = "aside", "已搁置"


class GroupKind(TextChoices):
    ROLE = "role", "角色"
    PERMISSION = "permission", "权限"
    PEOPLE = "people", "指定人员"

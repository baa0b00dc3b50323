"""Closed lists, with the words people read."""

from django.db.models import TextChoices


class VoiceKind(TextChoices):
    DEMAND = "demand", "数据需求"
    CORRECTION = "correction", "数据纠错"
    QUESTION = "question", "提问讨论"
    SHOWCASE = "showcase", "利用成果"


class VoiceState(TextChoices):
    WAITING = "waiting", "待答复"
    ANSWERED = "answered", "已答复"
    DECLINED = "declined", "不公开"


# Which kinds are about one dataset.
ABOUT_DATASET = (VoiceKind.CORRECTION, VoiceKind.QUESTION)
HINTS: dict[str, str] = {
    VoiceKind.DEMAND: "想用什么数据，用来做什么。",
    VoiceKind.CORRECTION: "哪条记录、哪个字段不对，对的应该是什么，怎么知道的。",
    VoiceKind.QUESTION: "想问什么。",
    VoiceKind.SHOWCASE: "用这些数据做了什么，给谁用，效果怎样。",
}

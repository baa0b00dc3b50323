"""Routes of the exchange with the public in the console."""

from chengshu.data.opening.voices import views
from chengshu.data.opening.voices.services import PERMISSION
from chengshu.kernel.access.routing import page

app_name = "opening_voices"
_AT = "console/opening/voices/"
urlpatterns = [
    page(_AT, views.Inbox.as_view(), name="inbox", permission=PERMISSION),
    page(f"{_AT}<int:pk>/", views.voice, name="voice", permission=PERMISSION),
    page(f"{_AT}<int:pk>/take/", views.take, name="take", permission=PERMISSION),
]

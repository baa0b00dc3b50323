"""Routes of the jobs pages."""

from chengshu.kernel.access.routing import page
from chengshu.kernel.jobs import views

app_name = "jobs"
urlpatterns = [
    page("console/jobs/", views.JobList.as_view(), name="jobs", permission="jobs.view"),
    page("console/jobs/schedules/", views.schedules, name="schedules", permission="jobs.view"),
    # Whoever started a job may follow it; the selector narrows to one's own and one's scope.
    page("console/jobs/<uuid:pk>/", views.job, name="job", permission="console.enter"),
    page("console/jobs/<uuid:pk>/cancel/", views.cancel, name="cancel", permission="console.enter"),
    page("console/jobs/<uuid:pk>/retry/", views.retry, name="retry", permission="jobs.manage"),
]

"""Where feeds are fetched and read when jobs run inside the process."""

from marketplace.core.outbox.lanes import Job, Lane
from marketplace.core.settings import Settings

PULLING = Lane("pull")
READING = Lane("read")


def run(lane: Lane, job: Job, *, settings: Settings) -> None:
    """In the lane when jobs run inside the process, else here and now."""
    if settings.is_embedded:
        lane.submit(job, width=settings.feed_pulls_at_once if lane is PULLING else 1)
    else:
        job()

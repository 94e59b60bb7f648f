"""The Celery application: ``celery -A marketplace.worker worker`` and ``… beat``.

Celery only carries: attempts, next try and dead letters are in the outbox' delivery rows, so its own retries stay off. A task whose
worker dies is delivered again by its lease; it may therefore run twice, and every handler bears that.
"""

from typing import Any

from celery import Celery

from marketplace.core.settings import Settings, get_settings
from marketplace.registry import load_models
from marketplace.subscriptions import SUBSCRIBERS, SWEEPS

TASK_LIMIT_S = 300


def create_worker(settings: Settings) -> Celery:
    """Celery with the product's tasks and its beat table."""
    load_models()
    app = Celery("henanroad", broker=settings.broker_url or "memory://")
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_soft_time_limit=TASK_LIMIT_S - 10,
        task_time_limit=TASK_LIMIT_S,
        broker_transport_options={"visibility_timeout": 4 * TASK_LIMIT_S},  # longer than any task may run
        broker_connection_retry_on_startup=True,
        timezone="UTC",
        beat_schedule={sweep.name: {"task": sweep.task_name, "schedule": sweep.every_s} for sweep in SWEEPS},
    )
    return app


def registered_names() -> set[str]:
    """Names of all subscriber and sweep tasks; a worker must know each of them."""
    return {task.name for tasks in SUBSCRIBERS.values() for task in tasks} | {sweep.task_name for sweep in SWEEPS}


def __getattr__(name: str) -> Any:
    """``marketplace.worker:app``, built when Celery asks for it."""
    if name in {"app", "celery"}:
        return globals().setdefault("_app", create_worker(get_settings()))
    raise AttributeError(name)

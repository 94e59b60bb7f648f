"""The Celery application: ``celery -A marketplace.worker worker`` and ``… beat``.

Celery only carries: attempts, next try and dead letters are in the outbox' delivery rows, so its own retries stay off. A task whose
worker dies is delivered again by its lease; it may therefore run twice, and every handler bears that.
"""

from typing import Any

from celery import Celery
from celery.signals import setup_logging, worker_ready, worker_shutting_down

from marketplace.core.db import Database
from marketplace.core.outbox import Relay
from marketplace.core.settings import Settings, get_settings
from marketplace.core.telemetry import configure_logging
from marketplace.registry import load_models
from marketplace.subscriptions import SUBSCRIBERS, SWEEPS

TASK_LIMIT_S = 300


def create_worker(settings: Settings) -> Celery:
    """Celery with the product's tasks and its beat table."""
    load_models()
    app = Celery("henanroad", broker=settings.broker_url or "memory://", set_as_current=True)
    app.set_default()  # the relay's ``delay`` finds it from any thread
    app.conf.update(
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_soft_time_limit=TASK_LIMIT_S - 10,
        task_time_limit=TASK_LIMIT_S,
        broker_transport_options={
            "visibility_timeout": 4 * TASK_LIMIT_S,  # longer than any task may run
            "global_keyprefix": settings.broker_prefix,
        },
        broker_connection_retry_on_startup=True,
        timezone="UTC",
        beat_schedule={sweep.name: {"task": sweep.task_name, "schedule": sweep.every_s} for sweep in SWEEPS},
        worker_hijack_root_logger=False,
    )
    return app


_relays: list[Relay] = []


@worker_ready.connect
def _start_relay(**_: Any) -> None:
    """Each worker runs a relay beside its pool: the services only write to the outbox. Several relays share the work by state."""
    settings = get_settings()
    relay = Relay(Database.from_settings(settings), subscribers=SUBSCRIBERS, settings=settings)
    relay.start()
    _relays.append(relay)


@worker_shutting_down.connect
def _stop_relay(**_: Any) -> None:
    while _relays:
        _relays.pop().stop()


@setup_logging.connect
def _log_as_we_do(**_: Any) -> None:
    configure_logging(level=get_settings().log_level)


def registered_names() -> set[str]:
    """Names of all subscriber and sweep tasks; a worker must know each of them."""
    return {task.name for tasks in SUBSCRIBERS.values() for task in tasks} | {sweep.task_name for sweep in SWEEPS}


def __getattr__(name: str) -> Any:
    """``marketplace.worker:app``, built when Celery asks for it."""
    if name in {"app", "celery"}:
        return globals().setdefault("_app", create_worker(get_settings()))
    raise AttributeError(name)

"""Settings: one class, read from ``HENANROAD_*`` variables and ``.env``. ``.env.example`` is generated from it."""

import base64
import hashlib
import ipaddress
from functools import lru_cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEVELOPMENT_SECRET = "development-only-secret-not-for-production"


class Settings(BaseSettings):
    """Everything a deployment may choose. Every limit of the product is a field here."""

    model_config = SettingsConfigDict(env_prefix="HENANROAD_", env_file=".env", extra="ignore", hide_input_in_errors=True)

    # The market this deployment is.
    market_name: str = Field("河南路二手车市场", description="Name of the market, Chinese.")
    market_name_en: str = Field("Henan Road Used-Car Market", description="Name of the market, English.")
    market_city: str = Field("天津", description="City whose rules apply to transfers here.")

    # Where things live.
    database_url: str = Field("sqlite:///var/henanroad.db", description="SQLite file or postgresql+psycopg:// URL.")
    broker_url: str = Field("", description="Celery broker (redis://…). Empty: jobs run inside the process.")
    broker_prefix: str = Field("", max_length=60, description="Put before every key in the broker, where several share one Redis.")
    live_url: str = Field("", description="Redis for the live channel between processes. Empty: within the process.")
    elasticsearch_url: str = Field("", description="Elasticsearch 9 URL. Empty: the embedded index.")
    elasticsearch_api_key: SecretStr = Field(SecretStr(""), description="API key of a secured cluster.")
    elasticsearch_ca_path: str = Field("", description="PEM file of the authority that signed the cluster's certificate.")
    elasticsearch_index: str = Field("henanroad-vehicles", pattern=r"^[a-z][a-z0-9_-]{2,60}$", description="Alias of the vehicle index.")
    search_index_path: str = Field("var/search.db", description="File of the embedded index.")
    files_path: str = Field("var/files", description="Folder of photos, reports and imports, unless a bucket is named.")
    s3_bucket: str = Field("", description="S3-compatible bucket for files. Empty: the folder.")
    s3_endpoint: str = Field("", description="Address of the S3-compatible service. Empty: AWS.")
    s3_region: str = Field("us-east-1", description="Region of the bucket.")
    s3_access_key: str = Field("", description="Access key id for the bucket.")
    s3_secret_key: SecretStr = Field(SecretStr(""), description="Secret of the access key.")
    limits_url: str = Field("", description="Redis for rate limits shared by processes. Empty: each process counts for itself.")
    public_url: str = Field("http://127.0.0.1:8000", description="Address under which users reach the market.")
    demo: bool = Field(False, description="Demo market, demo bidders and the market clock's offset. Never with real money.")

    # Secrets.
    secret_key: SecretStr = Field(
        SecretStr(DEVELOPMENT_SECRET), description="At least 32 characters; signs tokens and derives keys. Set it in production."
    )

    secret_keys_previous: SecretStr = Field(
        SecretStr(""), description="Former secret keys, comma-separated: still accepted for reading, never for writing."
    )
    encryption_keys: SecretStr = Field(
        SecretStr(""),
        description="Field encryption keys `id:base64 of 32 bytes`, comma-separated, newest first. Empty: derived from the secret key.",
    )

    # Notifications.
    webhook_endpoints_max: int = Field(20, ge=1, le=1_000, description="Webhook endpoints a party may have.")
    webhook_timeout_s: float = Field(10.0, gt=0, le=60, description="Longest wait for a webhook endpoint's answer.")
    webhook_keep_days: int = Field(30, ge=1, le=365, description="Days that what was told by webhook can be read again.")
    notice_keep_days: int = Field(180, ge=7, le=3_650, description="Days that notices to people are kept.")

    # Payments.
    stripe_api_key: SecretStr = Field(SecretStr(""), description="Stripe secret key. Empty: the sandbox bank only.")
    stripe_webhook_secret: SecretStr = Field(SecretStr(""), description="Signing secret of Stripe's webhook endpoint; empty refuses all.")
    stripe_api_base: str = Field("", description="Another address than Stripe's own, e.g. a stand-in for tests.")
    stripe_timeout_s: float = Field(20.0, gt=0, le=80, description="Longest wait for an answer of Stripe.")
    stripe_hold_days: int = Field(7, ge=1, le=30, description="Days a card authorization lasts when Stripe does not say.")
    sandbox_hold_days: int = Field(180, ge=1, le=180, description="Days the sandbox bank keeps a deposit frozen.")
    hold_renew_ahead_hours: int = Field(
        48, ge=26, le=336, description="Hours before its lapse a deposit still needed is renewed or charged."
    )
    hold_renew_retry_hours: int = Field(6, ge=1, le=24, description="Hours until a refused renewal of a deposit is tried again.")

    # Signing in.
    access_token_minutes: int = Field(10, ge=1, le=15, description="Life of an access token; a revoked sign-in ends by then.")
    refresh_token_days: int = Field(30, ge=1, le=180, description="Life of a sign-in that is not used.")
    argon2_memory_kib: int = Field(65_536, ge=8, description="Memory of one password hash.")
    argon2_time_cost: int = Field(3, ge=1, description="Passes of one password hash.")
    argon2_at_once: int = Field(2, ge=1, le=64, description="Password hashes computed at the same time by one process.")
    argon2_wait_s: int = Field(10, ge=1, description="Longest wait for a free hashing place before the answer is 503.")
    failure_delay_base_s: int = Field(1, ge=1, description="Delay after the third failed sign-in in a row; doubles each time.")
    failure_delay_max_s: int = Field(900, ge=1, description="Longest delay between two tries of an unknown device.")
    known_device_days: int = Field(180, ge=1, description="How long a device that signed in once is recognized.")
    failure_free: int = Field(3, ge=1, le=100, description="Failed sign-ins in a row to one account before the delay begins.")
    address_failure_free: int = Field(20, ge=1, le=10_000, description="Failed sign-ins from one address before the delay begins.")
    failure_forget_hours: int = Field(24, ge=1, description="After this long without a failure they are forgotten.")
    refresh_grace_s: int = Field(10, ge=0, le=60, description="Within this time a lost refresh answer is given again, unchanged.")
    invitation_days: int = Field(7, ge=1, le=60, description="How long an invitation to an organization's staff stands.")
    payout_cooling_off_hours: int = Field(24, ge=0, le=720, description="Before a changed payout account is used.")
    api_key_days_max: int = Field(366, ge=1, le=1_096, description="Longest life of an API key.")
    api_key_rate_max: int = Field(6_000, ge=1, description="Most requests a minute an API key may be given.")
    cookie_secure: bool = Field(False, description="Cookies only over HTTPS. Set it wherever the public URL is https.")
    allowed_origins: list[str] = Field([], description="Origins besides the public URL whose pages may open sockets.")

    # Electronic seals.
    seal_certificate_days: int = Field(366, ge=1, le=1_830, description="Life of a seal's certificate.")
    seal_renew_days: int = Field(30, ge=0, le=365, description="A seal's certificate with fewer days left is renewed before the next use.")

    # Database.
    database_pool_size: int = Field(10, ge=1, le=200, description="Connections each process keeps (PostgreSQL).")
    database_lock_timeout_ms: int = Field(5_000, ge=100, description="Longest wait for a lock before the answer is 503.")
    database_statement_timeout_ms: int = Field(30_000, ge=1_000, description="Longest single statement (PostgreSQL).")

    # HTTP.
    worker_threads: int = Field(16, ge=1, le=200, description="Threads for synchronous handlers of one process.")
    body_limit_bytes: int = Field(1_048_576, ge=1_024, description="Largest request body unless a route says otherwise.")
    access_log: bool = Field(True, description="One JSON line for each request on standard error.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    page_size_max: int = Field(100, ge=1, le=1_000, description="Largest page of a list.")
    idempotency_wait_ms: int = Field(3_000, ge=0, description="How long a repeated request waits for the first one.")
    idempotency_keep_hours: int = Field(48, ge=1, description="How long stored answers are kept.")

    # Rate limits: requests in one window of a principal, else of an address.
    limit_requests: int = Field(1_200, ge=1, description="Ordinary requests a minute of one caller.")
    limit_searches: int = Field(600, ge=1, description="Searches a minute of one caller.")
    limit_feeds: int = Field(240, ge=1, description="Outbound feeds a minute of one caller.")
    limit_uploads: int = Field(60, ge=1, description="Uploads a minute of one caller.")
    limit_views: int = Field(240, ge=1, description="Visits of listings a minute that one address may report.")
    limit_sign_ups: int = Field(60, ge=1, description="Sign-ups an hour from one address.")
    limits_timeout_ms: int = Field(200, ge=10, description="Longest wait for the shared counters before a process counts for itself.")

    # Files.
    file_limit_bytes: int = Field(67_108_864, ge=1_024, description="Largest stored file.")

    # Printed papers.
    printing_timeout_s: int = Field(30, ge=1, le=600, description="Longest time one paper may take to print.")
    printing_memory_mb: int = Field(1_024, ge=256, le=16_384, description="Most address space one paper's printing may take.")

    # Vehicles: photos.
    photo_limit_bytes: int = Field(10_485_760, ge=1_024, le=15_728_640, description="Largest photo a holder may send.")
    photo_pixels_max: int = Field(50_000_000, ge=1_000_000, le=200_000_000, description="Most pixels a photo may have; more is a bomb.")
    photo_side_max_px: int = Field(1_920, ge=640, le=8_000, description="Longer side of a stored photo.")
    photo_thumbnail_px: int = Field(400, ge=100, le=1_000, description="Longer side of a thumbnail.")
    photos_a_car_max: int = Field(30, ge=1, le=200, description="Most photos of one car.")

    # Calls to others.
    http_connect_timeout_s: float = Field(3.0, gt=0, description="Longest wait for a connection.")
    http_read_timeout_s: float = Field(10.0, gt=0, description="Longest silence of the other side.")
    http_total_timeout_s: float = Field(30.0, gt=0, description="Longest whole exchange, slow answers included.")
    http_retries: int = Field(2, ge=0, le=10, description="Repeats of a call that may be repeated.")
    http_backoff_ms: int = Field(200, ge=0, description="Mean wait before the first repeat; doubles.")
    http_response_limit_bytes: int = Field(16_777_216, ge=1_024, description="Largest answer read.")
    http_redirects: int = Field(3, ge=0, le=10, description="Redirects followed; each is checked anew.")

    # Outbox.
    relay_poll_ms: int = Field(200, ge=10, description="How often the relay looks for events when nothing wakes it.")
    relay_batch: int = Field(200, ge=1, le=5_000, description="Events or deliveries claimed at once.")
    relay_lease_s: int = Field(60, ge=1, description="A delivery not finished by then is sent again.")
    relay_attempts: int = Field(8, ge=1, description="Attempts before a delivery is a dead letter.")
    sweeps: bool = Field(True, description="Run the beat table's sweeps inside the process when there is no broker.")

    # Auctions.
    auction_batch_limit: int = Field(512, ge=1, le=2_000, description="Most bids decided in one transaction.")
    auction_queue_limit: int = Field(4_096, ge=1, le=100_000, description="Most bids waiting in one process; beyond it the answer is 503.")
    auction_close_batch: int = Field(20, ge=1, le=1_000, description="Lots opened or closed in one transaction.")
    auction_deposit_margin_hours: int = Field(24, ge=1, le=720, description="Hours beyond a lot's hard end its deposits have to last.")
    auction_head_every_s: int = Field(60, ge=1, le=86_400, description="How often the head of a lot's moving log is signed.")
    auction_heartbeat_s: int = Field(10, ge=1, le=300, description="Silence on a live stream before a heartbeat.")
    auction_socket_auth_s: int = Field(10, ge=1, le=60, description="A socket that has not said who it is by then is closed.")
    auction_socket_lots: int = Field(200, ge=1, le=2_000, description="Most lots one socket follows.")
    auction_socket_messages_s: int = Field(200, ge=1, le=10_000, description="Most messages a second one socket may send.")
    auction_sockets_a_caller: int = Field(20, ge=1, le=1_000, description="Most sockets one caller has open in one process.")
    auction_reader_limit: int = Field(512, ge=8, le=10_000, description="Events a live reader may be behind before it is cut off.")
    auction_ending_soon_minutes: int = Field(
        15, ge=1, le=1_440, description="How long before a lot's end its watchers and bidders are told."
    )
    auction_watch_limit: int = Field(500, ge=1, le=10_000, description="Most lots on one party's watch list.")
    auction_writers: int = Field(1, ge=1, le=100, description="Bid transactions of one process at the same time; above 1 only to compare.")

    # Valuation.
    appraisal_photos_max: int = Field(40, ge=1, le=200, description="Most photos of one appraisal's working papers.")
    estimates_a_day_partner: int = Field(10_000, ge=1, description="Estimates one API key with prices.quote gets on a legal day.")
    estimates_a_day_person: int = Field(50, ge=1, description="Estimates one person gets on a legal day.")

    # Stock imports.
    stock_file_limit_bytes: int = Field(62_914_560, ge=1_024, le=67_108_864, description="Largest stock file a dealer may upload.")
    stock_rows_max: int = Field(500_000, ge=1, le=1_000_000, description="Most records of one stock file.")
    stock_spreadsheet_memory_mb: int = Field(1_024, ge=128, le=8_192, description="Memory of the process that reads a spreadsheet.")
    stock_spreadsheet_cpu_s: int = Field(120, ge=1, le=3_600, description="Processor time of the process that reads a spreadsheet.")
    stock_error_rows_max: int = Field(5_000, ge=1, le=50_000, description="Most rows of a marked-up spreadsheet.")
    stock_image_limit_bytes: int = Field(
        10_485_760, ge=1_024, le=15_728_640, description="Largest picture fetched from a stock file's address."
    )
    stock_image_attempts: int = Field(5, ge=1, le=20, description="Tries of a picture's address before it is given up.")
    stock_images_a_turn: int = Field(20, ge=1, le=500, description="Pictures fetched in one turn of the job.")
    stock_inline_rows: int = Field(12, ge=0, le=50, description="Stock files up to this many records are applied within the request.")
    stock_inline_listings: int = Field(12, ge=0, le=50, description="Stock cars listed within the request; the rest follow at once.")
    stock_chunk_ms: int = Field(100, ge=5, le=250, description="Aim for one transaction of an import: it holds the write lock so long.")
    stock_breaker_percent: int = Field(30, ge=0, le=100, description="A full import that would remove more of the stock stops and asks.")
    stock_breaker_free: int = Field(3, ge=0, description="So many cars a full import may always remove.")
    stock_upload_days: int = Field(14, ge=1, le=90, description="Uploaded stock files and error tables are kept, encrypted, so long.")
    stock_import_hours: int = Field(6, ge=1, description="An import not finished by then is given up.")

    # Feeds of pilots, inbound.
    feed_body_limit_bytes: int = Field(16_777_216, ge=1_024, le=33_554_432, description="Largest feed a pilot may push, as sent.")
    feed_file_limit_bytes: int = Field(67_108_864, ge=1_024, description="Largest feed, unpacked.")
    feed_rows_max: int = Field(50_000, ge=1, description="Most cars of one feed.")
    feed_sources_max: int = Field(10, ge=1, le=200, description="Most sources of one pilot.")
    feed_keep_days: int = Field(14, ge=1, le=90, description="Feeds that came are kept, encrypted, so long.")
    feed_chunk_ms: int = Field(
        60, ge=5, le=200, description="Aim for one transaction of a feed's reading: it holds the write lock so long."
    )
    feed_breaker_percent: int = Field(30, ge=0, le=100, description="A full feed that would remove more of a source's cars stops and asks.")
    feed_breaker_free: int = Field(3, ge=0, description="So many cars a full feed may always remove.")
    feed_pull_total_s: float = Field(60.0, gt=0, le=120, description="Longest whole pull of a feed.")
    feed_pulls_at_once: int = Field(4, ge=1, le=32, description="Pulls of one process at the same time, where jobs run inside it.")
    feed_circuit_after: int = Field(5, ge=1, description="Failures in a row after which a source rests for an hour or more.")

    # Feeds, outbound.
    feed_renderings: int = Field(24, ge=1, le=1_000, description="Feeds kept ready as files by one process.")

    @model_validator(mode="after")
    def _refuse_unsafe_mixtures(self) -> Self:
        if len(self.secret_key.get_secret_value()) < 32:
            raise ValueError("HENANROAD_SECRET_KEY needs at least 32 characters")
        if self.secret_key.get_secret_value() == DEVELOPMENT_SECRET and not is_loopback(self.public_url):
            raise ValueError("HENANROAD_SECRET_KEY is the development secret, but HENANROAD_PUBLIC_URL is not on this machine")
        if self.demo and self.has_real_gateway:
            raise ValueError("HENANROAD_DEMO=1 beside a live Stripe key: demo bidders must never meet real money")
        return self

    @property
    def has_real_gateway(self) -> bool:
        """Whether real money can move: a live key of a payment gateway is set."""
        key: SecretStr | None = getattr(self, "stripe_api_key", None)
        return key is not None and "_live_" in key.get_secret_value()

    @property
    def is_embedded(self) -> bool:
        """Whether jobs run inside the process."""
        return not self.broker_url

    def derive_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, from the secret key; different purposes give unrelated keys."""
        return _derived(self.secret_key.get_secret_value(), purpose)

    def derive_keys(self, purpose: str) -> list[bytes]:
        """The current key of a purpose, then those of former secret keys: write with the first, read with any."""
        former = [part.strip() for part in self.secret_keys_previous.get_secret_value().split(",") if part.strip()]
        return [self.derive_key(purpose), *(_derived(secret, purpose) for secret in former)]

    def derive_text_key(self, purpose: str) -> str:
        """The same as URL-safe text, for libraries that want text."""
        return base64.urlsafe_b64encode(self.derive_key(purpose)).decode()


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine by name or address; names are not resolved."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _derived(secret: str, purpose: str) -> bytes:
    return hashlib.blake2b(purpose.encode(), key=hashlib.sha256(secret.encode()).digest(), digest_size=32).digest()


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The process's settings, read once."""
    return Settings()


def env_example() -> str:
    """The text of ``.env.example``: every setting with its default, secrets blank."""
    lines = ["# Settings of Henan Road. Generated by `henanroad settings`; every line shows the default."]
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, SecretStr):
            shown = ""
        elif isinstance(default, bool):
            shown = str(int(default))
        elif isinstance(default, Path):
            shown = default.as_posix()
        elif isinstance(default, (list, tuple, set, frozenset)):
            shown = "[" + ",".join(f'"{value}"' for value in default) + "]"
        else:
            shown = "" if default is None else str(default)
        lines += ["", f"# {field.description}", f"# HENANROAD_{name.upper()}={shown}"]
    return "\n".join(lines) + "\n"

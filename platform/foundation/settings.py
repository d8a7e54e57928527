"""Every address and knob of the platform, in one place.

A value comes from the environment (`TRADEWIND_...`), else from `.env`, else from `var/stack.env`, the file that
`tradewind up` writes with the addresses of the engines it started. Each engine is one URL: code can't tell an embedded
engine from a server.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_settings import BaseSettings, SettingsConfigDict


class EngineNotConfigured(RuntimeError):
    """A part of the platform needs an engine whose address nobody gave."""

    def __init__(self, engine: str, variable: str) -> None:
        super().__init__(
            f"{engine} has no address: run `tradewind up` to start the local one, or set {variable} to a server's URL."
        )


class DatabaseAddress(BaseModel):
    """A database that a tenant has of its own, as each of the roles that use it."""

    model_config = ConfigDict(extra="forbid")

    url: SecretStr
    """As the app's role."""
    owner_url: SecretStr
    """As the owner of the schema: migrations and moves."""
    relay_url: SecretStr
    """As the relay's role."""
    listen_url: SecretStr | None = None
    """For LISTEN, where `url` leads to a pooler that has none."""


Role = Literal["url", "owner_url", "relay_url", "listen_url"]


class Settings(BaseSettings):
    """The platform's settings; the field's description is its documentation."""

    model_config = SettingsConfigDict(
        env_prefix="TRADEWIND_", env_file=("var/stack.env", ".env"), env_ignore_empty=True, extra="ignore"
    )

    environment: Literal["development", "production"] = Field(
        "development", description="`production` requires secure cookies and refuses the demo's sign-in."
    )
    var_dir: Path = Field(Path("var"), description="Everything the local stack writes.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least severe level logged."
    )

    database_url: SecretStr | None = Field(
        None, description="Postgres as the app's role, which owns nothing and can't bypass row-level security."
    )
    database_owner_url: SecretStr | None = Field(
        None, description="Postgres as the owner of the schema: for migrations, and to remove shops."
    )
    database_relay_url: SecretStr | None = Field(
        None,
        description="Postgres as the relay's role, which reads the outbox and the catalogue of every tenant, and "
        "nothing else.",
    )
    database_pool_size: int = Field(
        10, ge=1, le=200, description="Connections a worker for writes, and as many for hot reads."
    )
    database_listen_url: SecretStr | None = Field(
        None,
        description="Postgres for LISTEN, where `database_url` leads to a pooler that has none; else `database_url`.",
    )
    databases: dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,62}$")], DatabaseAddress] = Field(
        {},
        description="Databases that tenants have of their own, as JSON by name: "
        '`{"acme": {"url": "...", "owner_url": "...", "relay_url": "..."}}`, and `listen_url` as above.',
    )
    catalogue_cache_mb: int = Field(
        32, ge=0, le=4096, description="How much of the catalogue's answers a worker keeps in memory; 0: nothing."
    )
    clickhouse_url: SecretStr | None = Field(
        None, description="ClickHouse over HTTP: http://user:password@host:port/database"
    )
    clickhouse_reader_url: SecretStr | None = Field(
        None,
        description="ClickHouse as the role that reads for one shop at a time and sees nothing else; else "
        "`clickhouse_url`.",
    )
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey: redis://:password@host:port/0")
    qdrant_url: str | None = Field(None, description="Qdrant's REST address.")
    qdrant_api_key: SecretStr | None = Field(None, description="Qdrant's API key.")
    mlflow_tracking_uri: str | None = Field(None, description="MLflow's tracking and registry server.")
    feast_registry: str | None = Field(
        None, description="Feast's registry: a path or an s3:// URL; a file in `var_dir` when nothing is given."
    )
    objects_url: str | None = Field(
        None, description="Images, labels, exports: any fsspec URL, such as file:///... or s3://bucket."
    )
    search_encoder: Path | None = Field(
        None,
        description="A folder with a sentence encoder for search (`model.onnx`, `tokenizer.json`); all-MiniLM-L6-v2 "
        "when nothing is given. After a change each shop's index is to be built anew.",
    )
    search_distils_from: int = Field(
        200_000,
        ge=1,
        description="From how many products on a shop's products are encoded for search by an encoder distilled from "
        "that one for the shop: a product takes microseconds instead of milliseconds, and finds a little less. What "
        "was encoded otherwise is encoded anew when the shop's index is built.",
    )
    picture_encoder: str = Field(
        "efficientnet-lite0",
        description="What makes vectors of pictures: `efficientnet-lite0`, -1 or -2 out of packages, or a folder with "
        "`vision_model.onnx` and `preprocessor_config.json`, such as CLIP's or SigLIP's. After a change each shop's "
        "index of pictures is to be built anew.",
    )
    serving_url: str | None = Field(None, description="The decision service.")
    serving_token: SecretStr | None = Field(None, description="The bearer token the core shows the decision service.")

    encryption_keys: SecretStr | None = Field(
        None,
        description="The keys that wrap people's data keys, `name:base64,name:base64`, 32 bytes each: the first wraps "
        "new ones, the others open what they wrapped.",
    )
    index_key: SecretStr | None = Field(
        None, description="32 bytes in base64: what encrypted personal data, such as an e-mail address, is found by."
    )

    audit_signing_keys: SecretStr | None = Field(
        None,
        description="The keys that sign how far the audit log has come, `name:base64,name:base64`, 32 bytes each: the "
        "first signs, the others are known from before. Without one a log that was cut at its end looks whole.",
    )

    outbound_ports: tuple[int, ...] = Field(
        (80, 443, 8443), description="Ports that addresses named by tenants may have: webhooks, images, issuers."
    )
    outbound_loopback: bool = Field(
        default=False,
        description="Let such addresses be this machine, at any port: for development, ignored in production.",
    )

    operator_token: SecretStr | None = Field(
        None, description="The bearer token of whoever runs the platform; without one nobody may call /v1/operator."
    )
    platform_host: str = Field(
        "localhost",
        description="The platform's own host name, where shops are opened; each gets a name below it.",
    )
    closing_days: int = Field(30, ge=1, le=365, description="How long the deletion of a shop can be undone, in days.")

    domain_lapse_days: int = Field(
        7, ge=1, le=90, description="After how many days without its record a shop's domain is nobody's again."
    )
    dns_nameservers: str | None = Field(
        None,
        description="Name servers that are asked for the records of domains, `192.0.2.1,[2001:db8::1]:53`; else the "
        "system's.",
    )

    test_bank_secret: SecretStr = Field(
        SecretStr("whsec_dHJhZGV3aW5kLXRlc3QtYmFuaw=="),
        description="What the test bank signs its pages and notifications with. No money moves there, and it is not "
        "offered in production.",
    )
    test_bank_notifies: str = Field(
        "http://127.0.0.1:8000", description="Where the test bank finds the API to notify shops of what took time."
    )
    stripe_secret_key: SecretStr | None = Field(
        None, description="Stripe's secret key; without it Stripe is not offered."
    )
    stripe_webhook_secret: SecretStr | None = Field(
        None, description="The secret that Stripe signs its notifications with."
    )
    stripe_api_base: str | None = Field(
        None, description="Stripe's address, when it is not Stripe's own: a peer for tests."
    )
    billing_stripe_secret_key: SecretStr | None = Field(
        None,
        description="The secret key of the platform's own Stripe, by which shops pay for their plans; without it a "
        "plan is what the operator says.",
    )
    billing_stripe_webhook_secret: SecretStr | None = Field(
        None, description="The secret that the platform's own Stripe signs its notifications with."
    )
    billing_stripe_api_base: str | None = Field(
        None, description="The address of the platform's own Stripe, when it is a peer for tests."
    )
    avatax_account: str | None = Field(
        None, description="Avalara's account id; without it AvaTax can't be asked what is taxed."
    )
    avatax_licence_key: SecretStr | None = Field(None, description="Avalara's licence key.")
    avatax_company: str | None = Field(None, description="The code of the company that sells, as Avalara has it.")
    avatax_api_base: str | None = Field(
        None, description="Avalara's address, when it is not its production's: its sandbox, or a peer for tests."
    )
    taxjar_api_key: SecretStr | None = Field(
        None, description="TaxJar's key; without it TaxJar can't be asked what is taxed."
    )
    taxjar_api_base: str | None = Field(
        None, description="TaxJar's address, when it is not its production's: its sandbox, or a peer for tests."
    )
    vies_url: str | None = Field(
        None,
        description="The register of VAT numbers, https://ec.europa.eu/taxation_customs/vies/rest-api; without one no "
        "business is sold to free of VAT.",
    )

    razorpay_key_id: str | None = Field(None, description="Razorpay's key id; without it Razorpay is not offered.")
    razorpay_key_secret: SecretStr | None = Field(None, description="The secret of that key.")
    razorpay_webhook_secret: SecretStr | None = Field(
        None, description="The secret that Razorpay signs its notifications with."
    )
    razorpay_api_base: str | None = Field(
        None, description="Razorpay's address, when it is not Razorpay's own: a peer for tests."
    )
    paypal_client_id: str | None = Field(None, description="PayPal's client id; without it PayPal is not offered.")
    paypal_client_secret: SecretStr | None = Field(None, description="The secret of that client.")
    paypal_webhook_id: str | None = Field(
        None, description="PayPal's id of the webhook that points here: part of what its signatures cover."
    )
    paypal_environment: Literal["sandbox", "live"] = Field(
        "sandbox", description="Which of PayPal's worlds the client belongs to."
    )
    paypal_api_base: str | None = Field(
        None, description="PayPal's address, when it is neither of PayPal's own: a peer for tests."
    )

    smtp_url: SecretStr | None = Field(
        None,
        description="The mail server: smtp://user:password@host:587 (STARTTLS) or smtps://user:password@host:465. "
        "Without one, mails are written to the log in development, and wait in production.",
    )
    mailbox_url: str | None = Field(
        None, description="Where the local stack shows what was sent; pages say so, except in production."
    )
    mail_from: str = Field("no-reply@localhost", description="The address that mails are sent from.")
    twilio_account_sid: str | None = Field(
        None, description="Twilio's account; without it text messages are written to the log, or wait, like mails."
    )
    twilio_auth_token: SecretStr | None = Field(None, description="The token of that account.")
    twilio_from: str | None = Field(None, description="The number, or messaging service, that texts are sent from.")
    twilio_api_base: str | None = Field(
        None, description="Twilio's address, when it is not Twilio's own: a peer for tests."
    )

    decision_deadline_ms: int = Field(
        150, ge=1, le=5000, description="How long a page waits for a decision before it takes the fallback."
    )
    session_ttl_hours: int = Field(24 * 30, ge=1, description="How long a shopper stays signed in, at the longest.")
    session_idle_hours: int = Field(
        24 * 14, ge=1, description="How long somebody who has signed in may stay away without having to do so again."
    )
    argon2_memory_kib: int = Field(
        19_456, ge=8_192, le=2_097_152, description="What hashing a password takes of memory, in KiB."
    )
    argon2_passes: int = Field(2, ge=1, le=20, description="How often hashing a password goes through that memory.")
    passwords_at_once: int = Field(2, ge=1, le=64, description="Passwords that a worker hashes at the same time.")
    passwords_waiting: int = Field(
        64, ge=0, le=10_000, description="Passwords that may wait for it; whoever comes then is told to come again."
    )
    compromised_passwords: Path | None = Field(
        None,
        description="A list of stolen passwords in the form of Have I Been Pwned, ordered by hash; common ones are "
        "known without it.",
    )
    reservation_ttl_seconds: int = Field(
        15 * 60, ge=1, description="How long stock is held for a payment that has started."
    )
    cart_abandoned_after_minutes: int = Field(
        60, ge=1, description="How long a cart with something in it is left alone before it counts as abandoned."
    )
    papers_kept_years: int = Field(
        10,
        ge=1,
        le=100,
        description="How many years after the one in which an invoice or a credit note is issued it can be read "
        "whom it is to.",
    )
    trusted_proxies: str | None = Field(
        None,
        description="Networks of the proxies in front, `10.0.0.0/8,fd00::/8`: of them alone `X-Forwarded-For` and "
        "`X-Forwarded-Proto` are believed.",
    )
    unlimited_networks: str | None = Field(
        None, description="Networks whose requests no limit counts: health checks, load tests."
    )
    places: int = Field(
        16, ge=2, le=1000, description="Requests that a worker works on at once, those of all shops together."
    )
    places_each: int = Field(
        12, ge=1, le=1000, description="How many of these places one shop may have; not more than there are."
    )
    places_of_events: int = Field(
        4, ge=1, le=1000, description="Batches of events that a worker works on at once, beside these places."
    )
    queue_each: int = Field(200, ge=1, description="Requests of one shop that may wait for a place.")
    queue_seconds: float = Field(5.0, gt=0, le=60, description="How long one waits at most.")
    max_body_bytes: int = Field(1_048_576, ge=1024, description="The largest request body accepted.")
    max_import_bytes: int = Field(
        2 * 2**30, ge=1024, description="The largest file of products accepted; it is read as it comes."
    )
    max_events_bytes: int = Field(262_144, ge=1024, description="The largest batch of events accepted.")
    event_spool: Path | None = Field(
        None,
        description="The folder that events of browsers wait in until they are carried to ClickHouse, on a disk that "
        "survives a restart; `spool/events` in `var_dir` when nothing is given.",
    )
    event_spool_mb: int = Field(
        1024, ge=1, description="How much may wait there; beyond it events are refused with 429 until some left."
    )
    max_digital_file_bytes: int = Field(
        2 * 2**30, ge=1024, description="The largest file of a good that is downloaded; it is read as it comes."
    )
    max_photo_bytes: int = Field(8 * 1_048_576, ge=1024, description="The largest photo accepted.")

    @property
    def spool(self) -> Path:
        """The folder that events of browsers wait in."""
        return self.event_spool or self.var_dir / "spool" / "events"

    def apart(self, role: Role) -> dict[str, str]:
        """The URLs of the databases that tenants have of their own, by name, as one of the roles."""
        given = {name: getattr(one, role) or one.url for name, one in self.databases.items()}
        return {name: url.get_secret_value() for name, url in given.items()}

    def everywhere(self, role: Literal["owner_url", "relay_url"], engine: str) -> dict[str, str]:
        """The URLs of all databases by name, the shared one first and under the name of nothing.

        Raises:
            EngineNotConfigured: the shared one has none.
        """
        return {"": self.require(f"database_{role}", engine), **self.apart(role)}

    def require(self, field: str, engine: str) -> str:
        """The address in `field`.

        Raises:
            EngineNotConfigured: when there is none, saying what to start or set.
        """
        value: SecretStr | str | None = getattr(self, field)
        if value is None:
            raise EngineNotConfigured(engine, f"TRADEWIND_{field.upper()}")
        return value.get_secret_value() if isinstance(value, SecretStr) else value


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()

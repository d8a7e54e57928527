"""The services Tradewind is made of, declared for one site."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from foundation.receiving import PROTOCOL
from tradewind.engines.postgres import APP, DAGSTER, DAGSTER_DATABASE, OWNER, RELAY, PostgresServer
from tradewind.engines.valkey import ValkeyServer
from tradewind.errors import StackError
from tradewind.processes import LOOPBACK
from tradewind.stack.dagster_home import DATABASE_VARIABLE, write_home
from tradewind.stack.service import Service, answers_http, listens, python, supervised
from tradewind.stack.site import PREFIX, Site

STORE_PORT = 8000
DAGSTER_PORT = 3000
MLFLOW_PORT = 5000
MAILBOX_PORT = 8025
CLICKHOUSE_USER = "tradewind"
CLICKHOUSE_READER = "tradewind_reader"
MLFLOW = "tradewind.engines.mlflow"


class IncompleteAddress(StackError):
    """One of Postgres's addresses was given without the one that decides who runs it."""

    def __init__(self, variable: str) -> None:
        super().__init__(f"{variable} names a Postgres server, so TRADEWIND_DATABASE_URL must name it too.")


class UnknownService(StackError):
    """A service was asked for that the stack hasn't."""

    def __init__(self, name: str, declared: Sequence[str]) -> None:
        super().__init__(f"There is no service {name}; there are {', '.join(declared)}.")


@dataclass(frozen=True, slots=True)
class Plan:
    """What `tradewind up` starts, and where its parts are for a person."""

    services: list[Service]
    store: str
    dagster: str
    mlflow: str
    mailbox: str | None

    def addresses(self) -> dict[str, str]:
        """Where a person finds the store and the tools behind it."""
        found = {"store": self.store, "dagster": self.dagster, "mlflow": self.mlflow, "mailbox": self.mailbox}
        return {name: address for name, address in found.items() if address is not None}

    def only(self, names: Sequence[str]) -> Plan:
        """The plan of these services and what they need.

        Raises:
            UnknownService: when one isn't declared.
        """
        declared = {service.name: service for service in self.services}
        chosen: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name not in declared:
                raise UnknownService(name, list(declared))
            if name not in chosen:
                chosen.add(name)
                todo += declared[name].needs
        return replace(self, services=[service for service in self.services if service.name in chosen])


def make_plan(site: Site) -> Plan:
    """Declare every service that is installed and that nobody runs elsewhere; the site's variables are complete then.

    Raises:
        IncompleteAddress: when Postgres is half ours and half somebody else's.
    """
    return _Planner(site).plan()


class _Planner:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._services: list[Service] = []

    def plan(self) -> Plan:
        self._postgres()
        self._valkey()
        self._clickhouse()
        self._qdrant()
        self._objects()
        self._keys()
        self._networks()
        mailbox = self._mailbox()
        mlflow = self._mlflow()
        # Every address is chosen before the first process that reads one is declared.
        serving_port = self._choose_serving()
        store_port = self._site.ports.choose("web", STORE_PORT)
        self._migrations()
        self._web(store_port)
        self._serving(serving_port)
        self._workers()
        dagster = self._dagster()
        return Plan(self._services, f"http://localhost:{store_port}/", dagster, mlflow, mailbox)

    def _postgres(self) -> None:
        site = self._site
        if site.is_outside("postgres", "database_url"):
            return
        for field in ("database_owner_url", "database_relay_url"):
            if site.is_outside("postgres", field):
                raise IncompleteAddress(site.outside["postgres"])
        server = PostgresServer(
            site.var / "postgres", site.ports.choose("postgres"), passwords=site.passwords, log=site.log("postgres")
        )
        site.publish(
            database_url=server.url(APP),
            database_owner_url=server.url(OWNER),
            database_relay_url=server.url(RELAY),
        )
        # dagster-postgres writes for psycopg2; SQLAlchemy 2.1 would take psycopg 3, which refuses its NOTIFY.
        site.variables[DATABASE_VARIABLE] = server.url(DAGSTER, DAGSTER_DATABASE).replace("://", "+psycopg2://", 1)
        self._services.append(supervised(server))

    def _keys(self) -> None:
        """Keys that personal data is sealed with, made once like the engines' passwords."""
        site = self._site
        if f"{PREFIX}ENCRYPTION_KEYS" not in site.given:
            site.publish(encryption_keys=f"local:{site.passwords.get('encryption')}")
        if f"{PREFIX}INDEX_KEY" not in site.given:
            site.publish(index_key=site.passwords.get("index"))
        if f"{PREFIX}AUDIT_SIGNING_KEYS" not in site.given:
            site.publish(audit_signing_keys=f"local:{site.passwords.get('audit')}")

    def _networks(self) -> None:
        """All that runs here asks from here: the benchmarks, the load of events, whoever tries the demo."""
        if f"{PREFIX}UNLIMITED_NETWORKS" not in self._site.given:
            self._site.publish(unlimited_networks="127.0.0.0/8,::1")

    def _valkey(self) -> None:
        site = self._site
        if not site.is_outside("valkey", "redis_url"):
            server = ValkeyServer(
                site.var / "valkey", site.ports.choose("valkey"), passwords=site.passwords, log=site.log("valkey")
            )
            site.publish(redis_url=server.url())
            self._services.append(supervised(server))

    def _clickhouse(self) -> None:
        site, module = self._site, "tradewind.engines.clickhouse"
        if site.is_outside("clickhouse", "clickhouse_url") or not _installed(module):
            return
        port = site.ports.choose("clickhouse")
        where = f"{LOOPBACK}:{port}/default"
        site.publish(
            clickhouse_url=f"http://{CLICKHOUSE_USER}:{site.passwords.get('clickhouse')}@{where}",
            clickhouse_reader_url=f"http://{CLICKHOUSE_READER}:{site.passwords.get('clickhouse-reader')}@{where}",
        )
        arguments: dict[str, str | int | Path] = {
            "path": site.var / "clickhouse",
            "host": LOOPBACK,
            "port": port,
            "user": CLICKHOUSE_USER,
            "password-file": site.passwords.file("clickhouse"),
            "reader": CLICKHOUSE_READER,
            "reader-password-file": site.passwords.file("clickhouse-reader"),
        }
        self._python("clickhouse", module, *_options(arguments), port=port, path="/ping", threads=2)

    def _qdrant(self) -> None:
        site, module = self._site, "tradewind.engines.qdrant"
        if site.is_outside("qdrant", "qdrant_url") or not _installed(module):
            return
        port = site.ports.choose("qdrant")
        site.publish(qdrant_url=f"http://{LOOPBACK}:{port}", qdrant_api_key=site.passwords.get("qdrant"))
        arguments: dict[str, str | int | Path] = {
            "path": site.var / "qdrant",
            "host": LOOPBACK,
            "port": port,
            "api-key-file": site.passwords.file("qdrant"),
        }
        self._python("qdrant", module, *_options(arguments), port=port, path="/readyz", threads=2)

    def _objects(self) -> None:
        if not self._site.is_outside("objects", "objects_url"):
            folder = self._site.var / "objects"
            folder.mkdir(parents=True, exist_ok=True)
            self._site.publish(objects_url=folder.as_uri())

    def _mailbox(self) -> str | None:
        """Where mails and text messages arrive, unless a mail server is named; `None`: not here."""
        site, module = self._site, "tradewind.engines.mailbox"
        if site.is_outside("mailbox", "smtp_url") or not _installed("aiosmtpd"):
            return None
        smtp_port, port = site.ports.choose("smtp"), site.ports.choose("mailbox", MAILBOX_PORT)
        address = f"http://{LOOPBACK}:{port}"
        site.publish(smtp_url=f"smtp://{LOOPBACK}:{smtp_port}", mailbox_url=f"{address}/")
        if f"{PREFIX}TWILIO_ACCOUNT_SID" not in site.given:
            token = site.passwords.get("mailbox")
            site.publish(
                twilio_account_sid="local", twilio_auth_token=token, twilio_from="+15005550006", twilio_api_base=address
            )
        arguments: dict[str, str | int | Path] = {
            "path": site.var / "mail",
            "smtp-port": smtp_port,
            "port": port,
            "token-file": site.passwords.file("mailbox"),
        }
        self._python("mailbox", module, *_options(arguments), port=port, path="/healthz")
        return f"{address}/"

    def _mlflow(self) -> str:
        site = self._site
        if site.is_outside("mlflow", "mlflow_tracking_uri"):
            return site.given["TRADEWIND_MLFLOW_TRACKING_URI"]
        port = site.ports.choose("mlflow", MLFLOW_PORT)
        address = f"http://{LOOPBACK}:{port}"
        site.publish(mlflow_tracking_uri=address)
        if _installed("mlflow"):
            home = site.var / "mlflow"
            (home / "artifacts").mkdir(parents=True, exist_ok=True)
            arguments: dict[str, str | int | Path] = {
                "backend-store-uri": f"sqlite:///{home / 'mlflow.db'}",
                "artifacts-destination": home / "artifacts",
                "host": LOOPBACK,
                "port": port,
            }
            # Its job runner (scoring of traces by language models) would be four more processes.
            quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
            self._python("mlflow", MLFLOW, *_options(arguments), port=port, path="/health", extra=quiet)
        return address

    def _migrations(self) -> None:
        if "postgres" in self._names():
            self._python("migrations", "tradewind", "migrate", needs=("postgres",), ends=True)

    def _web(self, port: int) -> None:
        if _installed("tradewind.web"):
            # Whose `X-Forwarded-For` is believed is the app's own setting.
            where = _options({"host": LOOPBACK, "port": port, "http": PROTOCOL})
            arguments = ("tradewind.web:app", *where, "--no-proxy-headers")
            self._python("web", "uvicorn", *arguments, port=port, path="/healthz", needs=("migrations", "valkey"))

    def _choose_serving(self) -> int | None:
        site = self._site
        if site.is_outside("serving", "serving_url"):
            return None
        port = site.ports.choose("serving")
        site.publish(serving_url=f"http://{LOOPBACK}:{port}", serving_token=site.passwords.get("serving"))
        return port

    def _serving(self, port: int | None) -> None:
        if port is not None and _installed("serving.app"):
            options = _options({"host": LOOPBACK, "port": port, "http": PROTOCOL})
            # Who asked is always the core, and what was decided is in the decision log.
            arguments = ("serving.app:create_app", "--factory", *options, "--no-access-log")
            # Not MLflow: it takes longest to start, and the service asks it for champions until it answers.
            needs = ("clickhouse", "qdrant", "valkey")
            self._python("serving", "uvicorn", *arguments, port=port, path="/healthz", needs=needs)

    def _workers(self) -> None:
        for name, module, needs in (
            ("relay", "pipelines.relay", ("migrations", "clickhouse")),
            ("carrier", "pipelines.carrier", ("migrations", "clickhouse", "valkey")),
            ("features", "features.stream", ("migrations", "clickhouse", "valkey")),
            ("search", "serving.following", ("migrations", "qdrant", "valkey")),
            ("pictures", "serving.visual_building", ("migrations", "qdrant", "valkey")),
            ("worker", "commerce.worker", ("migrations", "valkey")),
            ("removal", "tradewind.removal", ("migrations", "worker")),
        ):
            if _installed(module):
                self._python(name, module, needs=needs)

    def _dagster(self) -> str:
        site, module = self._site, "dagster_project.definitions"
        port, code_port = site.ports.choose("dagster", DAGSTER_PORT), site.ports.choose("dagster-code")
        if not _installed(module):
            return f"http://{LOOPBACK}:{port}"
        home = site.var / "dagster"
        write_home(home, code_port=code_port, in_postgres=DATABASE_VARIABLE in site.variables)
        extra, workspace = {"DAGSTER_HOME": str(home)}, ("-w", str(home / "workspace.yaml"))
        # One process holds the code for both, instead of one copy each.
        code = ("api", "grpc", "-m", module, *_options({"host": LOOPBACK, "port": code_port}))
        self._python("dagster-code", "dagster", *code, port=code_port, needs=("migrations",), extra=extra)
        web = (*workspace, *_options({"host": LOOPBACK, "port": port}))
        self._python(
            "dagster", "dagster_webserver", *web, port=port, path="/server_info", needs=("dagster-code",), extra=extra
        )
        # The web server makes the tables of the runs; two at once would collide.
        self._python("dagster-daemon", "dagster._daemon", "run", *workspace, needs=("dagster",), extra=extra)
        return f"http://{LOOPBACK}:{port}"

    def _python(
        self,
        name: str,
        module: str,
        *arguments: str,
        port: int | None = None,
        path: str | None = None,
        needs: tuple[str, ...] = (),
        ends: bool = False,
        threads: int = 1,
        extra: dict[str, str] | None = None,
    ) -> None:
        """Declare `python -m module arguments`; a port, and a path on it, say how to see that it serves."""
        probe = None if port is None else answers_http(port, path) if path else listens(port)
        self._services.append(
            Service(
                name=name,
                launch=python(
                    module,
                    *arguments,
                    environment={**self._site.variables, **(extra or {})},
                    directory=self._site.root,
                    threads=threads,
                ),
                ready=probe,
                needs=[need for need in needs if need in self._names()],
                ends=ends,
                address=None if port is None else f"{'http' if path else 'tcp'}://{LOOPBACK}:{port}",
            )
        )

    def _names(self) -> set[str]:
        return {service.name for service in self._services}


def _options(values: Mapping[str, str | int | Path]) -> list[str]:
    return [part for name, value in values.items() for part in (f"--{name}", str(value))]


def _installed(module: str) -> bool:
    """Whether a part is there: an installation of the API alone starts what it has."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False

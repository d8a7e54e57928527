"""What a person sees of the stack in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel

from tradewind.stack.state import StackState
from tradewind.stack.supervisor import Running, State


class ConsoleReporter:
    """Prints a line for each service that is ready, and a panel with the end of the log for each that crashed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._announced = False

    def ready(self, service: Running) -> None:
        """Say what is up, after how long, and where."""
        where = service.service.address or ""
        self._console.print(f"[green]✓[/] {service.name:<15} {service.ready_after:5.1f} s  [dim]{where}[/]")

    def crashed(self, service: Running, reason: str, last_lines: str, pause: float) -> None:
        """Show whose process ended and its last words."""
        title = f"{service.name} {reason}; starting it again in {pause:.1f} s"
        self._console.print(Panel(escape(last_lines) or "(its log is empty)", title=escape(title), border_style="red"))

    def gave_up(self, sentence: str, last_lines: str) -> None:
        """Show the last words of the process that stops the stack."""
        self._console.print(
            Panel(escape(last_lines) or "(its log is empty)", title=escape(sentence), border_style="red")
        )
        self._console.print("Stopping everything.")

    def changed(self, services: Sequence[Running]) -> None:
        """Say once that all are up."""
        if not self._announced and all(service.state is State.READY for service in services):
            self._announced = True
            self._console.print("[bold]Everything is up.[/] Ctrl-C stops it.")


def addresses(state: StackState) -> dict[str, str]:
    """The pages a person may open, by what they are; only of what runs."""
    pages: dict[str, str] = {}
    if "web" in state.services:
        store = state.addresses["store"].rstrip("/")
        pages |= {
            "store": f"{store}/",
            "grocer's store": store.replace("localhost", "grocer.localhost") + "/",
            "fashion store": store.replace("localhost", "fashion.localhost") + "/",
            "API": f"{store}/docs",
        }
    if "mailbox" in state.services:
        pages["mailbox"] = state.addresses["mailbox"]
    if "dagster" in state.services:
        pages["Dagster"] = state.addresses["dagster"]
    if "mlflow" in state.services or "mlflow" in state.outside:
        pages["MLflow"] = state.addresses["mlflow"]
    return pages


def print_addresses(console: Console, state: StackState) -> None:
    """One line for each page."""
    for name, address in addresses(state).items():
        console.print(f"  {name:<15} [link={address}]{address}[/link]")

"""MLflow's server in one process.

`mlflow server` imports all of MLflow, then starts a second process that imports it again: six seconds of CPU more, on a
machine that starts a dozen processes at once. This does what it does, without the second.
"""

from __future__ import annotations

import argparse
import os

import uvicorn
from mlflow.server import constants

ARTIFACT_ROOT = "mlflow-artifacts:/"
"""Clients send artifacts to the server, which keeps them at its destination."""


def main() -> None:
    """Read the command line and serve in the foreground; `GET /health` answers once it is up."""
    parser = argparse.ArgumentParser(prog="python -m tradewind.engines.mlflow", description=__doc__)
    parser.add_argument("--backend-store-uri", required=True, help="where experiments and models are kept")
    parser.add_argument("--artifacts-destination", required=True, help="where artifacts are kept")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    os.environ |= {
        constants.BACKEND_STORE_URI_ENV_VAR: options.backend_store_uri,
        constants.REGISTRY_STORE_URI_ENV_VAR: options.backend_store_uri,
        constants.ARTIFACT_ROOT_ENV_VAR: ARTIFACT_ROOT,
        constants.ARTIFACTS_DESTINATION_ENV_VAR: options.artifacts_destination,
        constants.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    # Both read the variables as they are imported.
    from mlflow.server.fastapi_app import app  # noqa: PLC0415
    from mlflow.server.handlers import initialize_backend_stores  # noqa: PLC0415

    initialize_backend_stores(options.backend_store_uri, options.backend_store_uri, ARTIFACT_ROOT)
    uvicorn.run(app, host=options.host, port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()

"""Whether the service is well, and what it counts."""

from typing import Any

from fastapi import FastAPI, Response

from service.api import shapes
from service.api.problems import ERRORS, given
from service.app import Core
from service.jobs import Jobs
from service.meters import CONTENT_TYPE, Meters

_FIGURES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The figures", "content": {"text/plain": {}}}
}


def add_operations(app: FastAPI, core: Core, jobs: Jobs, meters: Meters) -> None:
    """Adds `/healthz`, `/readyz` and `/metrics`."""
    meters.look_at("citelight_papers", "Papers in the library.", core.library.catalogue.n_papers)
    meters.look_at("citelight_jobs_open", "Uploads waiting or being taken in.", lambda: jobs.n_open)

    @app.get("/healthz", responses=given(shapes.HealthShape), tags=["operations"])
    async def healthz() -> dict[str, str]:
        """The process answers."""
        return {"status": "ok"}

    @app.get(
        "/readyz",
        responses=given(shapes.ReadyShape) | {503: ERRORS[503]},
        tags=["operations"],
    )
    def readyz() -> dict[str, str]:
        """The library is open and can be searched."""
        with core.library.pinned() as generation:
            return {"status": "ready", "snapshot": generation.manifest.snapshot}

    for path, answers in (("/healthz", healthz), ("/readyz", readyz)):  # load balancers ask so
        app.add_api_route(path, answers, methods=["HEAD"], include_in_schema=False)

    @app.get("/metrics", response_class=Response, responses=ERRORS | _FIGURES, tags=["operations"])
    def metrics() -> Response:
        """The figures of the service in the text format of Prometheus. Where keys are needed,
        needs one."""
        return Response(meters.text(), media_type=CONTENT_TYPE)

# syntax=docker/dockerfile:1
FROM python:3.12-slim-bookworm AS build
ENV UV_LINK_MODE=copy UV_COMPILE_BYTECODE=1 UV_PROJECT_ENVIRONMENT=/opt/citelight
RUN pip install --no-cache-dir "uv>=0.9"
WORKDIR /src
COPY pyproject.toml uv.lock README.md LICENSE NOTICE ./
# The dependencies change seldom: a layer of their own.
RUN uv sync --locked --no-dev --no-install-project
COPY service service
COPY ingest ingest
COPY prompts prompts
RUN uv sync --locked --no-dev --no-editable

FROM python:3.12-slim-bookworm
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 citelight \
 && install -d -o citelight -g citelight /data
COPY --from=build /opt/citelight /opt/citelight
ENV PATH=/opt/citelight/bin:$PATH CITELIGHT_HOME=/data CITELIGHT_HOST=0.0.0.0 PYTHONUNBUFFERED=1
USER citelight
VOLUME /data
EXPOSE 8765
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/readyz', timeout=2)"]
CMD ["citelight", "serve"]

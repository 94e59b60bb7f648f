# syntax=docker/dockerfile:1
# One image for every service, worker, beat and the migration; what it runs is the command in docker-compose.yml.
FROM python:3.11-slim-bookworm AS build
WORKDIR /app
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /app/.venv
COPY requirements.lock ./
RUN /app/.venv/bin/pip install --require-hashes --no-deps -r requirements.lock
COPY . .
RUN /app/.venv/bin/pip install --no-deps --no-build-isolation -e . \
    && /app/.venv/bin/python -m compileall -q marketplace auction valuation search

FROM python:3.11-slim-bookworm
RUN groupadd --system --gid 10001 henanroad \
    && useradd --system --uid 10001 --gid 10001 --home-dir /app --shell /usr/sbin/nologin henanroad \
    && mkdir -p /app/var && chown henanroad:henanroad /app/var
WORKDIR /app
COPY --from=build --chown=root:root /app /app
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /app/var
EXPOSE 8000
# Without a command: the whole market in one process.
CMD ["henanroad", "serve", "--host", "0.0.0.0", "--port", "8000"]

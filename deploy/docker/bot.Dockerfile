# syntax=docker/dockerfile:1
# bot, web and worker, without TensorFlow: docker build -f deploy/docker/bot.Dockerfile -t soundalike-bot:0.2.0 .
# For builds that are the same for ever, pin the base by its digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
# Annoy is compiled; the compiler stays in this stage.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/soundalike
COPY . .
RUN make install ROLE=bot PYTHON=python3
# --build-arg EXTRAS="workspaces postgres": what docs/workspaces.md and catalogues in databases need.
ARG EXTRAS=""
RUN for extra in ${EXTRAS}; do .venv/bin/pip install --no-cache-dir -r "requirements-${extra}.txt"; done

FROM ${PYTHON}
COPY --from=build /opt/soundalike /opt/soundalike
ENV PATH=/opt/soundalike/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOST=0.0.0.0 HEALTH_HOST=0.0.0.0 HEALTH_PORT=9100
USER 10001:10001
WORKDIR /tmp
# `python -m bot` (Socket Mode), `python -m bot web`, `python -m bot worker`, `python -m bot check`
ENTRYPOINT ["python", "-m", "bot"]
CMD ["run"]

# syntax=docker/dockerfile:1
# The embedder, and the command line that builds catalogues: docker build -f deploy/docker/embedder.Dockerfile -t soundalike-embedder:0.2.0 .
# For builds that are the same for ever, pin the base by its digest: --build-arg PYTHON=python:3.11-slim-bookworm@sha256:…
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
# Annoy is compiled; the compiler stays in this stage.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/soundalike
COPY . .
RUN make install ROLE=embedder PYTHON=python3

FROM ${PYTHON}
COPY --from=build /opt/soundalike /opt/soundalike
ENV PATH=/opt/soundalike/.venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 5000
ENTRYPOINT ["python", "-m", "recommender"]
CMD ["embedder", "--model", "yamnet", "--host", "0.0.0.0", "--port", "5000"]

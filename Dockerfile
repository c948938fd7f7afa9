# One image for every role: docker build -t toolmesh-runtime:local .
# With Node for MCP servers that are started by npx: docker build --target worker-node -t toolmesh-worker-node:local .
# For both processors: docker buildx build --platform linux/amd64,linux/arm64 … (wheels only: nothing is compiled)

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/toolmesh
COPY requirements.lock .
RUN pip --python /opt/toolmesh/bin/python install --require-hashes --only-binary :all: -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY edge edge
COPY shared shared
COPY toolmesh toolmesh
COPY workers workers
# hatchling is in the lock, so that the build asks nobody; it goes again, with what it alone brought.
RUN pip --python /opt/toolmesh/bin/python install --no-deps --no-build-isolation --no-index . \
    && pip --python /opt/toolmesh/bin/python uninstall --yes hatchling packaging pathspec pluggy tomlkit trove-classifiers

FROM python:3.12-slim-bookworm AS runtime
LABEL org.opencontainers.image.title="ToolMesh" \
      org.opencontainers.image.description="A secure execution layer between AI agents and the systems that people run" \
      org.opencontainers.image.licenses="Apache-2.0"
# /secrets and /run/sandbox are there for their owner: a new volume that is mounted on one becomes that user's.
RUN groupadd --gid 10001 toolmesh \
    && useradd --uid 10001 --gid toolmesh --no-create-home --home-dir /tmp --shell /usr/sbin/nologin toolmesh \
    && install --directory --owner=toolmesh --group=toolmesh --mode=0755 /secrets /run/sandbox
COPY --from=build /opt/toolmesh /opt/toolmesh
ENV PATH=/opt/toolmesh/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOME=/tmp
WORKDIR /
USER 10001:10001
STOPSIGNAL SIGTERM
ENTRYPOINT ["toolmesh"]

FROM node:22-bookworm-slim AS node

FROM runtime AS worker-node
USER 0:0
COPY --from=node /usr/local/bin/node /usr/local/bin/node
COPY --from=node /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm \
    && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
ENV NPM_CONFIG_CACHE=/tmp/npm NPM_CONFIG_UPDATE_NOTIFIER=false
USER 10001:10001

# The last stage is what `docker build .` makes.
FROM runtime

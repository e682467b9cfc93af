# syntax=docker/dockerfile:1
# One file for all images. Bundles are built first, outside: `make build && docker build --target operators .`
# BASE_IMAGE is any image with Node 24 at /nodejs/bin/node; it needs no shell and no npm.
ARG BASE_IMAGE=gcr.io/distroless/nodejs24-debian13:nonroot
# The agent's needs mount and umount on its PATH too, for tokens and Secrets are kept in memory. Distroless has them in :debug.
ARG AGENT_BASE_IMAGE=gcr.io/distroless/nodejs24-debian13:debug

FROM ${BASE_IMAGE} AS cloud
ENV NODE_ENV=production
WORKDIR /app
# 65532 is distroless' nonroot; given as a number so that runAsNonRoot can be checked.
USER 65532:65532

# package.json: Node compiles a program twice that nothing says to be a module.
# Controllers and hub: --role=controllers | hub | all
FROM cloud AS operators
COPY --chmod=0444 LICENSE dist/package.json dist/operators.js /app/
EXPOSE 10000 10002 10003 10004 9091 9092 9440
# Half the memory of a thousand connections at no cost in time: see docs/operations.md
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "/app/operators.js"]

FROM cloud AS webhooks
COPY --chmod=0444 LICENSE dist/package.json dist/webhooks.js /app/
EXPOSE 8443 9093 9440
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=4", "/app/webhooks.js"]

# Root: it mounts volumes, writes under /var/lib/kubelet and talks to the container runtime's socket. How to run it: see
# docs/install.md
FROM ${AGENT_BASE_IMAGE} AS edge-agent
ENV NODE_ENV=production
WORKDIR /app
USER 0:0
COPY --chmod=0444 LICENSE dist/package.json dist/edge-agent.js /app/
COPY dist/edge-agent.parts /app/edge-agent.parts
# 70 instead of 80 MB, as in config/agent/longshore-agent.service
ENTRYPOINT ["/nodejs/bin/node", "--optimize-for-size", "--max-semi-space-size=1", "--no-node-snapshot", "--v8-pool-size=1", "/app/edge-agent.js"]
CMD ["--config", "/etc/kubeedge/config/edgecore.yaml"]

# One of the shipped mappers: `docker build --target mapper --build-arg MAPPER=modbus-mapper .` Cameras need a BASE_IMAGE
# with ffmpeg and setpriv, serial lines one with the package serialport.
# Root: it puts its socket beside the agent's, and opens serial lines and cameras.
FROM ${BASE_IMAGE} AS mapper
ARG MAPPER=virtual-mapper
ENV NODE_ENV=production
WORKDIR /app
USER 0:0
COPY --chmod=0444 LICENSE dist/package.json /app/
COPY --chmod=0444 dist/${MAPPER}.js /app/mapper.js
COPY dist/${MAPPER}.parts /app/${MAPPER}.parts
# No compiled code: 60 instead of 100 MB, see docs/mappers.md
ENTRYPOINT ["/nodejs/bin/node", "--lite-mode", "--max-semi-space-size=1", "--no-node-snapshot", "/app/mapper.js"]

# What a NodeUpgradeJob installs on machines: files alone, nothing to run here. `make package VERSION=v1.24.0` first, then
# `docker build --target installation-package --tag <spec.image>:v1.24.0 .` (or let make push it: PUSH=<spec.image>).
FROM scratch AS installation-package
COPY dist/package/root/ /

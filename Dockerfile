# syntax=docker/dockerfile:1
# Stage 1 compiles; stage 2 holds only what runs. Started read-only: docker run --read-only --tmpfs /tmp -p 8080:8080 sluice
FROM node:20.20.2-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev

FROM node:20.20.2-bookworm-slim
ENV NODE_ENV=production
WORKDIR /app
COPY --from=build --chown=root:root /app/package.json ./
COPY --from=build --chown=root:root /app/node_modules ./node_modules
COPY --from=build --chown=root:root /app/dist ./dist
COPY --chown=root:root models ./models
COPY --chown=root:root policies ./policies
USER 1000
EXPOSE 8080
STOPSIGNAL SIGTERM
# Reads variables only, not the file of SLUICE_CONFIG (docs/configuration.md): SLUICE_METRICS_PORT, which asks for no client's certificate, otherwise
# SLUICE_PORT; and SLUICE_TLS_CERT. The name in the certificate does not matter here. Kubernetes has probes instead.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["node", "-e", "const e = process.env; const own = e.SLUICE_METRICS_PORT; const tls = e.SLUICE_TLS_CERT !== undefined && (own === undefined || /^(yes|true|1)$/.test(e.SLUICE_METRICS_TLS)); require(tls ? 'https' : 'http').get({ host: '127.0.0.1', port: own ?? e.SLUICE_PORT ?? 8080, path: '/livez', rejectUnauthorized: false }, (r) => process.exit(r.statusCode === 200 ? 0 : 1)).on('error', () => process.exit(1))"]
ENTRYPOINT ["node", "--max-semi-space-size=64", "dist/cli/main.js"]
CMD ["serve"]

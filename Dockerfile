# The image of a pod: Node's own binary, the libraries that it loads, and Holdfast. There is no shell in it, no npm
# and no package manager; `docker exec <container> /usr/local/bin/node src/cli/holdfast.ts ...` is the command line.
#
#   docker build -t holdfast .
#   docker build -t holdfast --build-arg NODE_IMAGE=node:24-bookworm-slim@sha256:<digest> .
#
# The second form is for production: it builds from exactly that image. `docker buildx imagetools inspect
# node:24-bookworm-slim` prints the digest.
ARG NODE_IMAGE=node:24-bookworm-slim

FROM ${NODE_IMAGE} AS build
WORKDIR /build
RUN apt-get update \
  && apt-get install --yes --no-install-recommends g++ \
  && rm -rf /var/lib/apt/lists/*
COPY package.json package-lock.json .npmrc ./
# No package runs a script of its own; the one that has to be compiled is compiled by the next steps.
RUN npm ci --omit=dev --ignore-scripts
COPY src/set-up src/set-up
RUN node src/set-up/argon2-build.mjs
# What only developers read, what was only needed for compiling, and a peer that npm keeps although it is one of
# development. Licences stay.
RUN find node_modules -type f \
    \( -name '*.map' -o -name '*.d.ts' -o -name '*.d.mts' -o -name '*.d.cts' -o -iname 'readme*' -o -iname 'changelog*' \) \
    -delete \
  && rm -rf node_modules/.bin node_modules/.package-lock.json node_modules/node-addon-api node_modules/node-api-headers \
    node_modules/argon2/argon2 node_modules/argon2/prebuilds node_modules/typescript node_modules/@typescript
# Each library that the binaries are linked to, at the place where they look for it.
RUN mkdir -p root/app root/etc root/tmp root/usr/local/bin root/var/lib/holdfast \
  && cp --dereference "$(command -v node)" root/usr/local/bin/node \
  && find node_modules -name '*.node' -exec ldd "$(command -v node)" {} + \
    | grep -o '[^ ]*/lib[^ ]* (' | tr -d ' (' | sort -u \
    | xargs cp --parents --dereference --target-directory root \
  && printf 'holdfast:x:65532:65532:Holdfast:/app:/nonexistent\n' > root/etc/passwd \
  && printf 'holdfast:x:65532:\n' > root/etc/group \
  && printf 'hosts: files dns\n' > root/etc/nsswitch.conf \
  && chmod 1777 root/tmp \
  && chown 65532:65532 root/var/lib/holdfast

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Holdfast" \
  org.opencontainers.image.description="An OpenID Connect identity provider for services that run as replicated pods" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/root /
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY package.json LICENSE ./
COPY views views
COPY src src
ENV NODE_ENV=production \
  HOLDFAST_BIND=0.0.0.0 \
  HOLDFAST_PORT=3000
USER 65532:65532
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 \
  CMD ["/usr/local/bin/node", "src/health-check.ts", "http://127.0.0.1:3000/readyz"]
# The same flag as in package.json: no name that came from outside reaches the prototype of an object.
ENTRYPOINT ["/usr/local/bin/node", "--disable-proto=delete"]
CMD ["src/main.ts"]

# The router's image: one static program, the certificate authorities it trusts, and a user that is not root.
#
# `t3nets deploy` builds it; by hand: docker build --build-arg T3NETS_GIT_SHA=$(git rev-parse --short=12 HEAD) .
# It uses nothing that only BuildKit knows, so any builder does. What changes rarely comes first, and every file that ends up
# in the image has one fixed time: the same tree gives the same layers, and a code change another last layer alone.

# The digest is that of the tag's index, for every architecture; another is found with
# `docker buildx imagetools inspect rust:1.95-slim-bookworm`.
ARG RUST_IMAGE=rust:1.95-slim-bookworm@sha256:d7482085ff5b415f84dba5647ae71606650bdef00db7aeb69f4b3d170c3e4082

FROM ${RUST_IMAGE} AS build

RUN mkdir -p /base/etc/ssl/certs \
    && cp /etc/ssl/certs/ca-certificates.crt /base/etc/ssl/certs/ \
    && echo 't3nets:x:65532:65532:T3nets:/:/usr/sbin/nologin' >/base/etc/passwd \
    && echo 't3nets:x:65532:' >/base/etc/group \
    && chmod -R u=rwX,go=rX /base \
    && find /base -exec touch --no-dereference --date=@0 {} +

# Static, so that it needs no file but itself. A target that is named keeps build scripts and macros out of that.
ENV RUSTFLAGS="-C target-feature=+crt-static"
WORKDIR /src

# The dependencies, apart from the source: made anew only when a manifest or the lock changes. Cargo wants every member's
# manifest, and a source where it finds no path in it.
COPY Cargo.toml Cargo.lock ./
COPY cli/Cargo.toml cli/
COPY cli/deploy/Cargo.toml cli/deploy/
COPY router/Cargo.toml router/
COPY tests/support/Cargo.toml tests/support/
RUN mkdir -p router/src tests/support/src \
    && touch router/src/lib.rs tests/support/src/lib.rs \
    && echo 'fn main() {}' >router/src/main.rs \
    && cargo build --release --locked --package t3nets-router --no-default-features --target "$(uname -m)-unknown-linux-gnu"

# A changed line compiles one crate again. With link-time optimisation (Cargo.toml, `dist`) it would compile all of them.
# Cargo looks at times, and a file of the tree may well be older than what was just built from its stand-in.
COPY router/ router/
ARG T3NETS_GIT_SHA=unknown
RUN find router -type f -exec touch {} + \
    && cargo build --release --locked --package t3nets-router --no-default-features --target "$(uname -m)-unknown-linux-gnu" \
    && install -D --mode=755 "target/$(uname -m)-unknown-linux-gnu/release/t3nets-router" \
        /program/usr/local/bin/t3nets-router \
    && find /program -exec touch --no-dereference --date=@0 {} +

FROM scratch
COPY --from=build /base/ /
COPY --from=build /program/ /

ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080
# Runs where a container's own check is heeded (Docker, not ECS, which has the task definition's).
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/t3nets-router", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/t3nets-router"]
CMD ["serve"]

ARG T3NETS_GIT_SHA=unknown
ARG T3NETS_VERSION=unknown
LABEL org.opencontainers.image.title="t3nets-router" \
    org.opencontainers.image.description="The T3nets chat service" \
    org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    org.opencontainers.image.source="https://github.com/t3nets/t3nets" \
    org.opencontainers.image.version="${T3NETS_VERSION}" \
    org.opencontainers.image.revision="${T3NETS_GIT_SHA}"

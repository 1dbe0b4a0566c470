# The image of Keyway: one static program, called keyway, redis-trib and kubectl-keyway, and what a program may expect of a system; no shell.
#   docker build -t keyway .
# Around a program that is built already:
#   deploy/image-root build/release/keyway image-root && docker build --build-context root=image-root -t keyway .
FROM debian:bookworm-slim AS build
WORKDIR /src
COPY . .
RUN apt-get update -q && apt-get install -qy --no-install-recommends ca-certificates && ./run --build && deploy/image-root build/release/keyway /image-root

FROM scratch AS root
COPY --from=build /image-root /

FROM scratch
LABEL org.opencontainers.image.title="Keyway" \
      org.opencontainers.image.description="Runs Redis and Valkey: clusters and replicated servers, kept whole" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=root / /
USER 65532:65532
WORKDIR /home/keyway
ENTRYPOINT ["/usr/bin/keyway"]
CMD ["help"]

# Lookbook as an image: what `cargo xtask dist` makes, in /opt/lookbook. See docs/clusters.md.
#
#   docker build --tag lookbook .                                    CUDA in the model plugins; runs on CPUs too
#   docker build --tag lookbook --build-arg DIST=--no-cuda .         without, and smaller
#
# The CUDA plugins compile their kernels as they run: BASE must then hold NVRTC, such as nvidia/cuda:12.8.1-devel-ubuntu24.04.

ARG BASE=debian:bookworm-slim

FROM rust:1.95-bookworm AS build
ARG DIST=
WORKDIR /lookbook
COPY . .
RUN cargo xtask dist $DIST && mv dist/lookbook-*/ /opt/lookbook

FROM ${BASE}
COPY --from=build /opt/lookbook /opt/lookbook
# Plugins find their data and the hub's cache on volumes, wherever those are mounted.
ENV PATH=/opt/lookbook:$PATH
ENTRYPOINT ["/opt/lookbook/host"]

# The machine of the lab: one static binary and links to it, nothing else.
#
# It is built in one of two ways; compose.yaml chooses by HOSTLAB_TARGET:
#
#   host           in a golang image, which is pulled: needs internet
#   host-prebuilt  of dist/rootfs, made beforehand with the Go on this computer:
#                    CGO_ENABLED=0 go build -o dist/host ./cmd/host
#                    dist/host install dist/rootfs
#
# host-prebuilt stands first: Docker's old builder runs every stage above the
# one it is asked for, and this one costs nothing, with or without dist/rootfs.
# LICENSE is there for that: COPY wants at least one file.

ARG GO_IMAGE=golang:1.26-alpine

FROM scratch AS host-prebuilt
LABEL org.opencontainers.image.title=hostlab
COPY LICENSE dist/rootfs* /
ENV PATH=/bin HOME=/root
WORKDIR /root
ENTRYPOINT ["/bin/host"]
CMD ["init"]

FROM ${GO_IMAGE} AS build
LABEL org.opencontainers.image.title=hostlab
COPY . /src
RUN cd /src \
 && CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/host ./cmd/host \
 && /out/host install /out/rootfs

FROM scratch AS host
LABEL org.opencontainers.image.title=hostlab
COPY LICENSE /
COPY --from=build /out/rootfs/ /
ENV PATH=/bin HOME=/root
WORKDIR /root
ENTRYPOINT ["/bin/host"]
CMD ["init"]

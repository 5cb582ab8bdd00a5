# An image with the program and the certificates to trust, and no shell: secrets come from files, not from commands.
#
#   docker build -t mailstrata .
#   docker run --rm -v state:/state -v cache:/cache -v /etc/mailstrata:/secrets:ro mailstrata backup …
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# The version comes from .git, as in a release.
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=true -ldflags='-s -w' -o /mailstrata ./cmd/mailstrata
RUN mkdir /empty

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /mailstrata /mailstrata
COPY --from=build --chown=65532:65532 /empty /state
COPY --from=build --chown=65532:65532 /empty /cache
COPY --from=build --chown=65532:65532 /empty /data
COPY --from=build --chown=65532:65532 /empty /tmp
ENV XDG_STATE_HOME=/state XDG_CACHE_HOME=/cache XDG_DATA_HOME=/data
VOLUME ["/state", "/cache", "/data"]
USER 65532:65532
ENTRYPOINT ["/mailstrata"]

package image

// A release carries the host binary of both architectures:
//
//	go generate ./image && go build -tags embedhost ./cmd/hostlab
//
// The files are made, never committed.

//go:generate mkdir -p embedded
//go:generate env CGO_ENABLED=0 GOOS=linux GOARCH=amd64 go build -trimpath -buildvcs=false "-ldflags=-s -w" -o embedded/host-linux-amd64 hostlab/cmd/host
//go:generate env CGO_ENABLED=0 GOOS=linux GOARCH=arm64 go build -trimpath -buildvcs=false "-ldflags=-s -w" -o embedded/host-linux-arm64 hostlab/cmd/host

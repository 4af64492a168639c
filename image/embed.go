//go:build embedhost

package image

import _ "embed"

var (
	//go:embed embedded/host-linux-amd64
	hostAMD64 []byte
	//go:embed embedded/host-linux-arm64
	hostARM64 []byte
)

// embedded returns the host binary that this program carries.
func embedded(arch string) ([]byte, bool) {
	switch arch {
	case "amd64":
		return hostAMD64, true
	case "arm64":
		return hostARM64, true
	}
	return nil, false
}

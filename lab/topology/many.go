package topology

import (
	"bytes"
	"fmt"
	"net/netip"
)

// MaxMany is the most hosts that Many writes down.
const MaxMany = 2000

// many is the network of Many: room for every host, and far from what people
// have at home.
var many = netip.MustParsePrefix("10.30.0.0/16")

// Many returns a Compose file of n hosts on one network: h1 at 10.30.0.1, h2
// at 10.30.0.2, and so on. It is for trying what a crowd does.
func Many(n int) ([]byte, error) {
	if n < 1 || n > MaxMany {
		return nil, fmt.Errorf("topology: %d hosts: 1 to %d were expected", n, MaxMany)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "# %d hosts on one network.\nservices:\n", n)
	addr := many.Addr()
	for i := 1; i <= n; i++ {
		addr = addr.Next()
		fmt.Fprintf(&b, "  h%d: {networks: {lan: {ipv4_address: %s}}}\n", i, addr)
	}
	fmt.Fprintf(&b, "networks:\n  lan: {ipam: {config: [{subnet: %s}]}}\n", many)
	return b.Bytes(), nil
}

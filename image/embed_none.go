//go:build !embedhost

package image

// embedded returns the host binary that this program carries: none, since it
// was built without the tag embedhost.
func embedded(string) ([]byte, bool) { return nil, false }

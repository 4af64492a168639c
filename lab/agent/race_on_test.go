//go:build race

package agent

// The race detector makes copying ten times slower.
const huge = 20 << 20

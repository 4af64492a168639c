//go:build !race

package agent

const huge = 100 << 20

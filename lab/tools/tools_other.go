//go:build !linux

package tools

// runs returns no tool: they speak to the Linux kernel.
func runs() map[string]runFunc { return nil }

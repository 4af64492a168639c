//go:build !linux

package book

import (
	"errors"
	"syscall"
)

var (
	errNoMTU     = errors.New("only Linux tells the MTU of a path: run this on a host of the lab")
	errNoRecvErr = errors.New("--recv-err: only Linux has IP_RECVERR: run this on a host of the lab")
)

func setRecvErr(uintptr, bool) error { return errNoRecvErr }

func setDiscover(uintptr, bool, bool) error { return errNoMTU }

func pathMTU(syscall.Conn, bool) (int, error) { return 0, errNoMTU }

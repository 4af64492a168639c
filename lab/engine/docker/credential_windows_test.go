package docker

import "syscall"

func credentialOfNobody() (*syscall.SysProcAttr, bool) { return nil, false }

package agent

import (
	"strconv"
	"strings"
)

// signals are Linux's signals by their SSH names (RFC 4254 section 6.10 knows
// some of them; the rest are named the same way). The numbers are those of
// signal(7) on amd64 and arm64, also in a client on another system.
var signals = map[string]int{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8, "KILL": 9,
	"USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15, "STKFLT": 16, "CHLD": 17,
	"CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22, "URG": 23, "XCPU": 24, "XFSZ": 25,
	"VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29, "PWR": 30, "SYS": 31,
}

// maxSignal is the last real-time signal.
const maxSignal = 64

// signalNumber returns the number of a signal: "INT", "SIGINT", or for
// real-time signals the number itself, "34".
func signalNumber(name string) (int, bool) {
	name = strings.TrimPrefix(name, "SIG")
	if n, ok := signals[name]; ok {
		return n, true
	}
	n, err := strconv.Atoi(name)
	return n, err == nil && n > 0 && n <= maxSignal
}

// signalName is the reverse of signalNumber, without "SIG".
func signalName(n int) string {
	for name, number := range signals {
		if number == n {
			return name
		}
	}
	return strconv.Itoa(n)
}

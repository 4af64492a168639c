package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"hostlab/lab"
	"hostlab/lab/engine"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"hostlab": main})
}

// The scripts in testdata call the real main. "status N PROGRAM..." runs a
// program and wants that exit status; [engine] is true where labs can run.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"status": status, "eventually": eventually},
		Condition:           condition,
		Setup: func(env *testscript.Env) error {
			// Where the Go toolchain and its caches are, for the host binary.
			for _, name := range []string{"HOME", "GOPATH", "GOCACHE", "GOMODCACHE", "GOFLAGS", "GOPROXY", "XDG_CACHE_HOME", "DOCKER_HOST", "HOSTLAB_STRICT"} {
				if v, ok := os.LookupEnv(name); ok {
					env.Setenv(name, v)
				}
			}
			return nil
		},
	})
}

func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N PROGRAM...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("exit status %d; want %d", got, want)
	}
}

// able reports whether some engine can make hosts here.
var able = sync.OnceValue(func() bool {
	e, err := lab.FindEngine("")
	return err == nil && !slices.ContainsFunc(e.Check(context.Background()), func(f engine.Finding) bool { return !f.OK })
})

// condition knows "engine": some engine can make hosts here. With HOSTLAB_STRICT
// set it is taken for granted, so that a missing one fails the script. And
// "tidy": a sweep of the engines succeeds.
func condition(cond string) (bool, error) {
	switch cond {
	case "engine":
		return os.Getenv("HOSTLAB_STRICT") != "" || able(), nil
	case "tidy":
		quiet := &console{in: strings.NewReader(""), out: io.Discard, err: io.Discard}
		return run(context.Background(), []string{"gc"}, quiet) == statusOK, nil
	}
	return false, errors.New("unknown condition " + cond)
}

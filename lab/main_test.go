package lab_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"hostlab/lab"
)

// engines are those that every test of this package runs on: the one that
// HOSTLAB_ENGINE names, or all that this computer has; with HOSTLAB_STRICT, all
// that there are.
var engines = func() []string {
	if name := os.Getenv(lab.EngineVariable); name != "" {
		return []string{name}
	}
	all := lab.EngineNames()[1:]
	if os.Getenv("HOSTLAB_STRICT") != "" {
		return all
	}
	able := slices.DeleteFunc(slices.Clone(all), func(name string) bool {
		why := lacking(name)
		if why != "" {
			fmt.Printf("no test runs on engine %s: %s\n", name, why)
		}
		return why != ""
	})
	if len(able) == 0 {
		return all // each test says that it can't run
	}
	return able
}()

// lacking says what an engine needs and this computer lacks; "" for nothing.
func lacking(name string) string {
	e, err := lab.FindEngine(name)
	if err != nil {
		return err.Error()
	}
	for _, f := range e.Check(context.Background()) {
		if !f.OK {
			return f.Name + ": " + f.Detail
		}
	}
	return ""
}

// TestMain runs all tests once on each engine: on the first in this process,
// and beside it on each other in a process of its own, since tests mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	if flag.Lookup("test.bench").Value.String() != "" { // measurements want the machine for themselves
		engines = engines[:1]
	}
	var others []*otherEngine
	for _, name := range engines[1:] {
		others = append(others, startOther(name))
	}
	os.Setenv(lab.EngineVariable, engines[0])
	fmt.Printf("on engine %s:\n", engines[0])
	status := m.Run()
	for _, s := range []*sharedLab{page, twoHomed} {
		if s.lab == nil {
			continue
		}
		if err := s.lab.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			status = 1
		}
	}
	for _, o := range others {
		status = max(status, o.wait())
	}
	os.Exit(status)
}

// An otherEngine is a process that runs the tests on another engine.
type otherEngine struct {
	name string
	cmd  *exec.Cmd
	said bytes.Buffer
	err  error
}

func startOther(name string) *otherEngine {
	o := &otherEngine{name: name, cmd: exec.Command(os.Args[0])}
	flag.Visit(func(f *flag.Flag) {
		// Not those that name a file for this process to write.
		if slices.Contains([]string{"run", "skip", "v", "short", "timeout", "count", "failfast", "parallel"}, strings.TrimPrefix(f.Name, "test.")) {
			o.cmd.Args = append(o.cmd.Args, "-"+f.Name+"="+f.Value.String())
		}
	})
	o.cmd.Env = append(os.Environ(), lab.EngineVariable+"="+name)
	o.cmd.Stdout, o.cmd.Stderr = &o.said, &o.said
	o.err = o.cmd.Start()
	return o
}

// wait waits for the tests on another engine, and returns the exit status.
func (o *otherEngine) wait() int {
	if o.err == nil {
		o.err = o.cmd.Wait()
	}
	os.Stdout.Write(o.said.Bytes())
	if o.err != nil {
		fmt.Printf("on engine %s: %v\n", o.name, o.err)
		return 1
	}
	return 0
}

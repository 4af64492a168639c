// Package verb acts on a running lab in the words of the command line: what
// stands behind "hostlab" in "hostlab fault drop guinness udp/1060". A lesson's
// "$ hostlab …" lines, the prompt of a lab and another terminal say the same
// words, and all come here.
package verb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"hostlab/lab"
	"hostlab/lab/agent"
	"hostlab/lab/hint"
)

// A Verb is one thing to do with a running lab.
type Verb struct {
	Name  string
	Usage string // its words, behind Name

	run func(ctx context.Context, l *lab.Lab, args []string, out io.Writer) error
}

// Verbs returns all of them, in the order of their names.
func Verbs() []Verb {
	return []Verb{
		{"capture", "[HOST...] [-w FILE] [--all]", runCapture},
		{"fault", "drop|reject|partition|pause|resume|cut|join|list|clear ...", runFault},
		{"wait", "HOST SOCKET...", runWait},
	}
}

// The exit statuses of Status.
const (
	Failed = 1 // the host could not do it
	Misuse = 2
)

// A MisuseError says that the words make no sense, or not in this lab.
type MisuseError struct{ Err error }

func (e *MisuseError) Error() string { return e.Err.Error() }
func (e *MisuseError) Unwrap() error { return e.Err }

// misuse is err as a MisuseError, with the way to the verb's help.
func misuse(verb string, err error) error {
	if hint.Of(err) == "" {
		err = hint.Add(err, "hostlab %s --help", verb)
	}
	return &MisuseError{err}
}

// Run does what the words say and writes what it prints to out. The error is a
// *MisuseError; or a *lab.ExitError or *lab.ConditionError when a host could not
// do it, or wraps errors.ErrUnsupported when its engine can't; any other says
// that the lab broke.
func Run(ctx context.Context, l *lab.Lab, words []string, out io.Writer) error {
	if len(words) == 0 {
		words = []string{""}
	}
	all := Verbs()
	i := slices.IndexFunc(all, func(v Verb) bool { return v.Name == words[0] })
	if i < 0 {
		var names []string
		for _, v := range all {
			names = append(names, v.Name)
		}
		return &MisuseError{fmt.Errorf("%q: a lab knows %s", words[0], strings.Join(names, ", "))}
	}
	return all[i].run(ctx, l, words[1:], out)
}

// Status returns the exit status that an error of Run stands for, and the lines
// that say it; ok is false when it says that the lab broke.
func Status(err error) (status int, text string, ok bool) {
	var wrong *MisuseError
	var exit *lab.ExitError
	var condition *lab.ConditionError
	switch {
	case err == nil:
		return 0, "", true
	case errors.As(err, &wrong):
		status = Misuse
	case errors.As(err, &exit), errors.As(err, &condition), errors.Is(err, errors.ErrUnsupported):
		status = Failed
	default:
		return 0, "", false
	}
	var b strings.Builder
	for line := range strings.SplitSeq(err.Error(), "\n") {
		fmt.Fprintln(&b, "hostlab: error:", line)
	}
	if way := hint.Of(err); way != "" {
		fmt.Fprintln(&b, "hostlab: hint:", way)
	}
	return status, b.String(), true
}

// runWait returns when sockets of a host are bound.
func runWait(ctx context.Context, l *lab.Lab, args []string, out io.Writer) error {
	if len(args) < 2 {
		return misuse("wait", errors.New("wait: for which socket of which host? want guinness udp/1060"))
	}
	if err := known(l, args[:1]); err != nil {
		return misuse("wait", fmt.Errorf("wait: %w", err))
	}
	res, err := l.Host(args[0]).Run(ctx, append([]string{"await"}, args[1:]...)...)
	if _, werr := io.WriteString(out, res.Stdout); werr != nil {
		return werr
	}
	var exit *lab.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	text, way := said(exit)
	err = &saidError{text, exit}
	switch {
	case exit.Code == Misuse:
		return misuse("wait", err)
	case way != "":
		return hint.Add(err, "hostlab exec %s %s", args[0], way)
	}
	return err
}

// A saidError is an *lab.ExitError in the program's own words.
type saidError struct {
	text string
	err  *lab.ExitError
}

func (e *saidError) Error() string { return e.text }
func (e *saidError) Unwrap() error { return e.err }

// said returns what a host's program said of its failure, the first line, and
// the hint beneath it, as all of them print it.
func said(exit *lab.ExitError) (text, way string) {
	text, rest, _ := strings.Cut(exit.Stderr, "\n")
	_, way, _ = strings.Cut(strings.TrimSpace(rest), ": hint: ")
	return cmp.Or(text, exit.Error()), way
}

// Agent returns the connection to a host's agent, for programs that have more
// than an output. The error is one of those of Run.
func Agent(l *lab.Lab, host string) (*agent.Client, error) {
	if err := known(l, []string{host}); err != nil {
		return nil, &MisuseError{err}
	}
	h := l.Host(host)
	if err := h.Reachable(); err != nil {
		return nil, err
	}
	return h.Client()
}

// known is an error when the lab has not all of the hosts.
func known(l *lab.Lab, hosts []string) error {
	var there []string
	for _, h := range l.Topology().Hosts {
		there = append(there, h.Name)
	}
	for _, name := range hosts {
		if !slices.Contains(there, name) {
			return fmt.Errorf("no host %q in this lab; there are %s", name, strings.Join(there, ", "))
		}
	}
	return nil
}

package shell

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/interp"

	"hostlab/lab/program"
	"hostlab/lab/tools"
)

// ours is put before the names of the builtins that are not the
// interpreter's, on the way from its call handler to its exec handler.
const ours = "hostlab builtin "

// A builtinFunc runs a builtin and returns its exit status.
type builtinFunc func(ctx context.Context, hc interp.HandlerContext, args []string) int

// builtin returns the builtin of that name, or nil.
func (s *shell) builtin(name string) builtinFunc {
	switch name {
	case "jobs":
		return s.jobsBuiltin
	case "fg":
		return s.fg
	case "bg":
		return s.bg
	case "kill":
		return s.kill
	case "wait":
		return s.wait
	case "history":
		return s.history
	case "help":
		return s.help
	}
	return nil
}

// call is the interpreter's [interp.CallHandlerFunc]: it sees each simple
// command before it runs.
func (s *shell) call(ctx context.Context, args []string) ([]string, error) {
	if args[0] == "logout" {
		args = append([]string{"exit"}, args[1:]...)
	}
	if j, ok := ctx.Value(jobKey{}).(*job); ok && interp.IsBuiltin(args[0]) {
		s.mu.Lock()
		j.begun = true
		s.changed.Broadcast()
		s.mu.Unlock()
	}
	if s.builtin(args[0]) != nil {
		args = append([]string{ours + args[0]}, args[1:]...)
	}
	return args, nil
}

// complain prints what is wrong with a builtin's use.
func complain(hc interp.HandlerContext, status int, format string, args ...any) int {
	fmt.Fprintf(hc.Stderr, format+"\n", args...)
	return status
}

// find returns the job that a word names: "%1", "%+", "%-", "%name", "%?text",
// also without the % where jobs are all that it can be. "" is the current one.
// It is called with mu held.
func (s *shell) find(word string) *job {
	word = strings.TrimPrefix(word, "%")
	n := len(s.latest)
	switch {
	case (word == "" || word == "+" || word == "%") && n > 0:
		return s.latest[n-1]
	case word == "-" && n > 1:
		return s.latest[n-2]
	case word == "-" && n > 0:
		return s.latest[n-1]
	case word == "" || word == "+" || word == "%" || word == "-":
		return nil
	}
	id, err := strconv.Atoi(word)
	for _, j := range s.jobs {
		if err == nil && j.id == id {
			return j
		}
		if part, ok := strings.CutPrefix(word, "?"); err != nil && (ok && strings.Contains(j.text, part) || strings.HasPrefix(j.text, word)) {
			return j
		}
	}
	return nil
}

// line is what jobs prints of a job.
func (s *shell) line(j *job) string {
	sign, text := " ", j.text
	switch n := len(s.latest); {
	case n > 0 && s.latest[n-1] == j:
		sign = "+"
	case n > 1 && s.latest[n-2] == j:
		sign = "-"
	}
	if j.state() == running {
		text += " &"
	}
	return fmt.Sprintf("[%d]%s  %-23s %s", j.id, sign, s.word(j), text)
}

// word says what a job does or how it ended.
func (s *shell) word(j *job) string {
	switch sig := j.killer(); {
	case j.state() == stopped:
		return "Stopped"
	case j.state() == running:
		return "Running"
	case sig != 0:
		return signalText(sig)
	case j.status != 0:
		return fmt.Sprintf("Exit %d", j.status)
	}
	return "Done"
}

// signalText is strsignal(3): "Terminated".
func signalText(sig unix.Signal) string {
	text := sig.String()
	return strings.ToUpper(text[:1]) + text[1:]
}

// forget drops jobs that have ended from the table. It is called with mu held.
func (s *shell) forget() {
	for _, j := range slices.Clone(s.jobs) {
		if j.state() == done {
			s.unlist(j)
		}
	}
}

// notify tells of jobs that ended or stopped since the last prompt.
func (s *shell) notify() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range slices.Clone(s.jobs) {
		if now := j.state(); now != j.told && (now == done || now == stopped) {
			j.told = now
			if s.terminal != nil && !s.window {
				fmt.Fprintln(s.err, s.line(j))
			}
		}
	}
	s.forget()
}

func (s *shell) jobsBuiltin(_ context.Context, hc interp.HandlerContext, args []string) int {
	long, pids := false, false
	for _, arg := range args {
		switch arg {
		case "-l":
			long = true
		case "-p":
			pids = true
		default:
			return complain(hc, 2, "jobs: %s: bad argument\nUsage: jobs [-l | -p]", arg)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range s.jobs {
		j.told = j.state()
		switch line := s.line(j); {
		case pids:
			fmt.Fprintln(hc.Stdout, j.pid)
		case long:
			fmt.Fprintf(hc.Stdout, "%s%d %s\n", line[:5], j.pid, line[5:])
		default:
			fmt.Fprintln(hc.Stdout, line)
		}
	}
	s.forget()
	return 0
}

// bg lets stopped jobs go on in the background.
func (s *shell) bg(_ context.Context, hc interp.HandlerContext, args []string) int {
	if s.terminal == nil {
		return complain(hc, 1, "bg: no job control here")
	}
	if len(args) == 0 {
		args = []string{""}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arg := range args {
		j := s.find(arg)
		switch {
		case j == nil:
			return complain(hc, 1, "bg: %s: no such job", orCurrent(arg))
		case j.state() == done:
			return complain(hc, 1, "bg: job %d has ended", j.id)
		case j.state() == running:
			complain(hc, 0, "bg: job %d already in background", j.id)
			continue
		}
		j.wake()
		line := s.line(j)
		fmt.Fprintf(hc.Stdout, "%s %s &\n", line[:4], j.text)
	}
	s.changed.Broadcast()
	return 0
}

func orCurrent(word string) string {
	if word == "" {
		return "current"
	}
	return word
}

// kill is the program of tools, with job names.
func (s *shell) kill(ctx context.Context, hc interp.HandlerContext, args []string) int {
	words, named, unknown := s.processes(args)
	if unknown != "" {
		return complain(hc, 1, "kill: %s: no such job", unknown)
	}
	if len(named) > 0 && strings.HasPrefix(args[0], "%") {
		words = append([]string{"-TERM"}, words...) // words begin with a minus
	}
	status := s.runTool(ctx, "kill", hc, words)
	if len(named) == 0 || !endsStopped(words[0]) {
		return status
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range named {
		if j.state() == stopped {
			j.signal(unix.SIGCONT) // so that it sees what ends it
		}
	}
	return status
}

// processes puts process groups in the place of job names, and returns the
// first name that is no job's.
func (s *shell) processes(args []string) (words []string, named []*job, unknown string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	words = slices.Clone(args)
	for i, word := range words {
		if !strings.HasPrefix(word, "%") {
			continue
		}
		j := s.find(word)
		if j == nil || len(j.procs) == 0 {
			return nil, nil, word
		}
		named = append(named, j)
		words[i] = strconv.Itoa(j.procs[0].address())
	}
	return words, named, ""
}

// endsStopped tells whether an option of kill names a signal after which a
// stopped job is to go on, as bash(1) has it.
func endsStopped(option string) bool {
	switch strings.TrimPrefix(strings.TrimPrefix(option, "-"), "SIG") {
	case "TERM", "HUP", "15", "1":
		return true
	}
	return false
}

// runTool runs one of the host's tools inside the shell.
func (s *shell) runTool(ctx context.Context, name string, hc interp.HandlerContext, args []string) int {
	list := tools.Programs()
	i := slices.IndexFunc(list, func(p program.Program) bool { return p.Name == name })
	if i < 0 {
		return complain(hc, 127, "%s: not found", name)
	}
	return list[i].Run(ctx, program.Stdio{In: s.nothing, Out: hc.Stdout, Err: hc.Stderr}, args...)
}

func (s *shell) history(_ context.Context, hc interp.HandlerContext, _ []string) int {
	for i, line := range s.past {
		fmt.Fprintf(hc.Stdout, "%5d  %s\n", i+1, line)
	}
	return 0
}

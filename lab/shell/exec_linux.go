package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"hostlab/lab/mark"
)

// jobKey is the context key under which handlers find their job.
type jobKey struct{}

// exec is the interpreter's [interp.ExecHandlerFunc]: it runs what is neither
// a function nor a builtin of the interpreter, and returns when it has ended.
func (s *shell) exec(ctx context.Context, args []string) error {
	hc := interp.HandlerCtx(ctx)
	if name, ok := strings.CutPrefix(args[0], ours); ok {
		return exitStatus(s.builtin(name)(ctx, hc, args[1:]))
	}
	j := ctx.Value(jobKey{}).(*job)
	path, err := s.look(hc, args[0])
	if err != nil {
		return s.cannotRun(hc, args[0], err)
	}
	streams, err := openStreams(s, hc)
	if err != nil {
		return s.cannotRun(hc, args[0], err)
	}
	p, err := s.startProcess(ctx, j, path, args, streams.files[:])
	streams.release()
	if err != nil {
		streams.wait()
		if ctx.Err() != nil {
			return ctx.Err() // Ctrl-C came first
		}
		return s.cannotRun(hc, args[0], err)
	}
	defer context.AfterFunc(s.ctx, func() { unix.Kill(p.pid, unix.SIGKILL) })()
	<-p.done
	streams.wait()
	return exitStatus(code(p.status))
}

// code is the exit status by which shells know how a process ended.
func code(ws unix.WaitStatus) int {
	if ws.Signaled() {
		return 128 + int(ws.Signal())
	}
	return ws.ExitStatus()
}

// exitStatus turns an exit status into what the interpreter takes.
func exitStatus(status int) error {
	if status == 0 {
		return nil
	}
	return interp.ExitStatus(status)
}

// errNotFound says that PATH has no such program.
var errNotFound = errors.New("not found")

// look finds the file of a program.
func (s *shell) look(hc interp.HandlerContext, name string) (string, error) {
	path, err := interp.LookPathDir(hc.Dir, hc.Env, name)
	if err == nil {
		return path, nil
	}
	if strings.Contains(name, "/") { // a path: say what is wrong with it
		if !filepath.IsAbs(name) {
			name = filepath.Join(hc.Dir, name)
		}
		switch info, err := os.Stat(name); {
		case errors.Is(err, fs.ErrNotExist):
			return "", errNotFound
		case err != nil:
			return "", err
		case info.IsDir():
			return "", unix.EISDIR
		}
		return "", unix.EACCES
	}
	return "", errNotFound
}

// cannotRun prints why a program could not be started, and returns the exit
// status which says so: 127 for one that is not there, else 126.
func (s *shell) cannotRun(hc interp.HandlerContext, name string, err error) error {
	if errors.Is(err, errNotFound) {
		fmt.Fprintf(hc.Stderr, "%s: %s: not found\n", s.opts.name, name)
		if near := s.near(hc, name); near != "" {
			fmt.Fprintf(hc.Stderr, "%s: hint: %s\n", s.opts.name, near)
		}
		return interp.ExitStatus(127)
	}
	fmt.Fprintf(hc.Stderr, "%s: %s: %s\n", s.opts.name, name, reason(err))
	return interp.ExitStatus(126)
}

// reason is a system error in the C library's words.
func reason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// environ returns the exported variables, without those that make a shell the
// shell of a window.
func environ(env expand.Environ) []string {
	var list []string
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String && v.IsSet() {
			list = append(list, name+"="+v.Str)
		}
		return true
	})
	return mark.Environ(list)
}

// streams are the three standard files of a child. What is no file goes
// through a pipe and a goroutine that copies.
type streams struct {
	files  [3]*os.File
	opened []*os.File // to be closed once the child has them
	copies sync.WaitGroup
}

func openStreams(s *shell, hc interp.HandlerContext) (*streams, error) {
	st := &streams{}
	in, _ := hc.Stdin.(*os.File)
	switch {
	case in == nil:
		var err error
		if in, err = st.open(os.DevNull); err != nil {
			return nil, err
		}
	case s.terminal != nil && (in == s.terminal.input || in == s.nothing):
		in = s.in // the terminal itself
	}
	st.files[0] = in
	var err error
	if st.files[1], err = st.output(hc.Stdout); err != nil {
		st.release()
		return nil, err
	}
	st.files[2] = st.files[1]
	if !same(hc.Stdout, hc.Stderr) {
		if st.files[2], err = st.output(hc.Stderr); err != nil {
			st.release()
			return nil, err
		}
	}
	return st, nil
}

// same compares writers that may be of a type which has no equality.
func same(a, b io.Writer) bool {
	return reflect.TypeOf(a).Comparable() && a == b
}

func (st *streams) open(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		st.opened = append(st.opened, f)
	}
	return f, err
}

func (st *streams) output(w io.Writer) (*os.File, error) {
	if f, ok := w.(*os.File); ok {
		return f, nil
	}
	if w == io.Discard {
		return st.open(os.DevNull)
	}
	r, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	st.opened = append(st.opened, pw)
	st.copies.Go(func() {
		io.Copy(w, r)
		r.Close()
	})
	return pw, nil
}

// release closes the shell's copies of what was opened for the child.
func (st *streams) release() {
	for _, f := range st.opened {
		f.Close()
	}
}

// wait returns when all the child's output is where it should go.
func (st *streams) wait() { st.copies.Wait() }

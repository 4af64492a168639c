// Package control is the door of a running lab for other terminals: a Unix
// socket in a directory of the user's own. Serve opens it, List and Find come
// to it.
//
// A lab ends with the process that started it, and so does the socket; what a
// kill left is swept by the next Serve. Only the user who started the lab comes
// in: the directory is nobody else's.
//
// # Protocol
//
// A client sends one line of JSON, a request with the protocol's version:
//
//	{"hostlab":1,"do":"info"}                          which lab is this?
//	{"hostlab":1,"do":"verb","words":["fault","list"]} see package verb
//	{"hostlab":1,"do":"agent","host":"guinness"}       to the agent of a host
//
// The answers are lines of JSON. {"info":{…}} is the first; to a verb come any
// number of {"out":"…"}, base64, and {"end":{…}} at last. It is called off when
// the client closes its side. To a host's agent the answer is {"ok":true}, and
// behind it stands an SSH connection as the agent itself has it: each channel
// is passed through, so that exec, terminals, signals, forwarding and SFTP work
// as they do inside the lab's own process. An {"end":{…}} instead says why not.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"hostlab/lab"
	"hostlab/lab/hint"
	"hostlab/lab/verb"
)

// version is the protocol's; both sides must speak the same.
const version = 1

// maxRequest is the longest request in bytes; Linux takes arguments of twice
// as much.
const maxRequest = 1 << 20

// patience is how long either side waits for the other's first line.
const patience = 10 * time.Second

// An Info says what a running lab is.
type Info struct {
	Name   string    `json:"name"`   // a word to choose it by: "page-30"; several labs may have the same
	PID    int       `json:"pid"`    // of the process that it ends with; 0 when docker compose started it
	Source string    `json:"source"` // the lesson or Compose file, as the user named it
	Engine string    `json:"engine"` // what it runs on: "docker 20.10.24, linux 6.18"
	Since  time.Time `json:"since"`
	Hosts  []Host    `json:"hosts"`
}

// HostsOf returns the machines of a lab.
func HostsOf(l *lab.Lab) []Host {
	var all []Host
	for _, h := range l.Topology().Hosts {
		all = append(all, Host{Name: h.Name, Addrs: h.Addrs()})
	}
	return all
}

// A Host is a machine of a running lab.
type Host struct {
	Name  string       `json:"name"`
	Addrs []netip.Addr `json:"addrs"`
}

type request struct {
	Version int      `json:"hostlab"`
	Do      string   `json:"do"`
	Words   []string `json:"words,omitempty"`
	Host    string   `json:"host,omitempty"`
}

type answer struct {
	Info *Info  `json:"info,omitempty"`
	OK   bool   `json:"ok,omitempty"`
	Out  []byte `json:"out,omitempty"`
	End  *end   `json:"end,omitempty"`
}

// An end is how a verb came out.
type end struct {
	Status int    `json:"status"` // as verb.Status has it; -1 when the lab broke
	Error  string `json:"error,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

// Options say how a lab is called. The zero value is not useful: give it a name.
type Options struct {
	Name   string // see Info
	Source string
}

// A Server is the open door of one lab. Close shuts it.
type Server struct {
	lab      *lab.Lab
	info     Info
	path     string
	listener *net.UnixListener
	ctx      context.Context // ends with the server
	cancel   context.CancelFunc
	serving  sync.WaitGroup
	once     sync.Once
	err      error
}

// Serve opens the door of a running lab and removes doors of labs that are
// gone. The caller closes the server, before the lab.
func Serve(l *lab.Lab, o Options) (*Server, error) {
	dir, err := makeDir()
	if err != nil {
		return nil, err
	}
	sweep(dir)
	s := &Server{lab: l, path: filepath.Join(dir, fmt.Sprintf("%d-%d%s", os.Getpid(), serial.Add(1), suffix))}
	s.info = Info{Name: o.Name, PID: os.Getpid(), Source: o.Source, Engine: l.Describe(), Since: time.Now(), Hosts: HostsOf(l)}
	if s.listener, err = listen(s.path); err != nil {
		return nil, err
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.serving.Go(s.accept)
	return s, nil
}

// Close calls off what is under way, shuts the door and removes the socket. It
// is safe to call twice.
func (s *Server) Close() error {
	s.once.Do(func() {
		s.cancel()
		s.err = errors.Join(s.listener.Close(), os.Remove(s.path))
		s.serving.Wait()
	})
	return s.err
}

func (s *Server) accept() {
	for {
		c, err := s.listener.AcceptUnix()
		if err != nil {
			return // closed
		}
		s.serving.Go(func() {
			defer c.Close()
			defer context.AfterFunc(s.ctx, func() { c.SetDeadline(time.Now().Add(farewell)) })()
			s.serve(c)
		})
	}
}

// farewell is how long a client may take for the last words of a server that
// closes.
const farewell = time.Second

// serve answers one client.
func (s *Server) serve(c *net.UnixConn) {
	c.SetReadDeadline(time.Now().Add(patience))
	in := bufio.NewReader(io.LimitReader(c, maxRequest))
	line, err := in.ReadBytes('\n')
	if err != nil {
		return // it looked whether somebody is here, or said too much
	}
	c.SetReadDeadline(time.Time{})
	out := json.NewEncoder(c)
	if err := checkPeer(c); err != nil {
		out.Encode(ended(misuse(err)))
		return
	}
	var r request
	switch err := json.Unmarshal(line, &r); {
	case err != nil:
		out.Encode(ended(misuse(fmt.Errorf("control: request: %w", err))))
	case r.Version != version:
		out.Encode(ended(misuse(hint.Add(fmt.Errorf("control: the lab speaks version %d of the protocol, you speak %d", version, r.Version), "hostlab version"))))
	case r.Do == "info":
		out.Encode(answer{Info: &s.info})
	case r.Do == "verb":
		s.verb(c, out, r.Words)
	case r.Do == "agent":
		s.agent(c, out, r.Host)
	default:
		out.Encode(ended(misuse(fmt.Errorf("control: %q: want info, verb or agent", r.Do))))
	}
}

func misuse(err error) error { return &verb.MisuseError{Err: err} }

// ended is the answer with the end of a verb.
func ended(err error) answer {
	status, _, ok := verb.Status(err)
	if !ok {
		status = -1
	}
	e := &end{Status: status}
	if err != nil {
		e.Error, e.Hint = err.Error(), hint.Of(err)
	}
	return answer{End: e}
}

// verb runs a verb until it ends or the client closes its side.
func (s *Server) verb(c *net.UnixConn, out *json.Encoder, words []string) {
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go func() {
		io.Copy(io.Discard, c)
		cancel()
	}()
	err := verb.Run(ctx, s.lab, words, outWriter{out})
	out.Encode(ended(err))
}

// An outWriter sends what a verb prints.
type outWriter struct{ to *json.Encoder }

func (w outWriter) Write(b []byte) (int, error) {
	if err := w.to.Encode(answer{Out: b}); err != nil {
		return 0, err
	}
	return len(b), nil
}

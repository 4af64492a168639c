package control

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"hostlab/lab/agent"
	"hostlab/lab/hint"
)

// A Lab is a running lab of another process of the same user.
type Lab struct {
	Info
	path string
}

// An Error is what a lab's door answered instead of doing what it was asked to.
type Error struct {
	Status int // verb.Failed or verb.Misuse; -1 when the lab broke
	Text   string
}

func (e *Error) Error() string { return e.Text }

// listPatience is how long a lab may take to say what it is. One that was
// stopped, by Ctrl-Z say, does not.
const listPatience = 2 * time.Second

// List returns the running labs, the oldest first. One that does not answer is
// left out.
func List(ctx context.Context) []*Lab {
	ctx, cancel := context.WithTimeout(ctx, listPatience)
	defer cancel()
	var mu sync.Mutex
	var all []*Lab
	var asking sync.WaitGroup
	for _, path := range doors() {
		asking.Go(func() {
			l := &Lab{path: path}
			c, first, err := l.ask(ctx, request{Do: "info"})
			if err != nil {
				return // it ends just now, or was killed
			}
			c.Close()
			if first.Info != nil {
				l.Info = *first.Info
				mu.Lock()
				defer mu.Unlock()
				all = append(all, l)
			}
		})
	}
	asking.Wait()
	slices.SortFunc(all, func(a, b *Lab) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.path, b.path)) })
	return all
}

// Find returns the running lab of that name or process number; "" means the
// only one. The error has a hint when there is none, or when there are several.
func Find(ctx context.Context, name string) (*Lab, error) {
	all := List(ctx)
	var found []*Lab
	for _, l := range all {
		if name == "" || name == l.Name || name == strconv.Itoa(l.PID) {
			found = append(found, l)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], nil
	case len(all) == 0:
		return nil, hint.Add(errors.New("no lab is running"), "hostlab lab")
	case len(found) == 0:
		return nil, hint.Add(fmt.Errorf("no lab %q is running; there are %s", name, names(all)), "hostlab ps")
	}
	return nil, hint.Add(fmt.Errorf("%d labs are running: %s; choose one by --lab", len(found), names(found)), "hostlab ps")
}

// names lists labs for a person to choose from.
func names(labs []*Lab) string {
	var all []string
	for _, l := range labs {
		all = append(all, fmt.Sprintf("%s (%d)", cmp.Or(l.Name, "lab"), l.PID))
	}
	return strings.Join(all, ", ")
}

// Hosts returns the machines of the lab.
func (l *Lab) Hosts() []Host { return l.Info.Hosts }

// Run does in the lab what the words say, as verb.Run does, and writes what it
// prints to out. When ctx ends, it is called off, and Run returns when it has
// ended. The error is an *Error when the lab refused or broke.
func (l *Lab) Run(ctx context.Context, words []string, out io.Writer) error {
	c, a, err := l.ask(ctx, request{Do: "verb", Words: words})
	if err != nil {
		return err
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.CloseWrite() })()
	for {
		if a.End != nil {
			return a.End.err()
		}
		if _, err := out.Write(a.Out); err != nil {
			return err
		}
		if a, err = c.answer(); err != nil {
			return err
		}
	}
}

// Agent connects to the agent of a host. The caller closes the client, which
// ends what was started with it; the host goes on.
func (l *Lab) Agent(ctx context.Context, host string) (*agent.Client, error) {
	c, a, err := l.ask(ctx, request{Do: "agent", Host: host})
	if err != nil {
		return nil, err
	}
	if !a.OK {
		c.Close()
		return nil, a.err()
	}
	return agent.Dial(c)
}

func (a answer) err() error {
	if a.End == nil {
		return errors.New("control: the lab answers something else")
	}
	return a.End.err()
}

func (e *end) err() error {
	if e.Status == 0 && e.Error == "" {
		return nil
	}
	err := error(&Error{Status: e.Status, Text: e.Error})
	if e.Hint != "" {
		err = hint.Add(err, "%s", e.Hint)
	}
	return err
}

// A conn is a connection to a lab's door.
type conn struct {
	*net.UnixConn
	in *bufio.Reader
}

func (c *conn) Read(b []byte) (int, error) { return c.in.Read(b) }

// ask sends a request and returns the first answer.
func (l *Lab) ask(ctx context.Context, r request) (*conn, answer, error) {
	r.Version = version
	var d net.Dialer
	dialed, err := d.DialContext(ctx, "unix", l.path)
	if err != nil {
		return nil, answer{}, fmt.Errorf("control: %w", err)
	}
	c := &conn{dialed.(*net.UnixConn), bufio.NewReader(dialed)}
	line, err := json.Marshal(r)
	if err == nil {
		_, err = c.Write(append(line, '\n'))
	}
	var a answer
	if err == nil {
		a, err = c.first(ctx, r)
	}
	if err != nil {
		c.Close()
		return nil, a, fmt.Errorf("control: lab %s: %w", cmp.Or(l.Name, l.path), err)
	}
	return c, a, nil
}

// first reads the first answer. A verb may take its time for it.
func (c *conn) first(ctx context.Context, r request) (answer, error) {
	if r.Do == "verb" {
		defer context.AfterFunc(ctx, func() { c.CloseWrite() })()
		return c.answer()
	}
	c.SetReadDeadline(time.Now().Add(patience))
	defer c.SetReadDeadline(time.Time{})
	defer context.AfterFunc(ctx, func() { c.SetReadDeadline(time.Now()) })()
	return c.answer()
}

// answer reads one line.
func (c *conn) answer() (answer, error) {
	var a answer
	line, err := c.in.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		err = errors.New("it has ended")
	}
	if err == nil {
		err = json.Unmarshal(line, &a)
	}
	return a, err
}

package prompt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"hostlab/lab/verb"
)

// verbNames are the verbs that the prompt knows beside its own words.
func verbNames() []string {
	var names []string
	for _, v := range verb.Verbs() {
		names = append(names, v.Name)
	}
	return names
}

// say carries a verb's words out. What makes no sense in them is printed.
func (p *Prompt) say(ctx context.Context, words []string, leave bool) error {
	switch {
	case len(words) == 2 && words[1] == "^C":
		return p.interrupt(words[0])
	case leave:
		return p.leaveVerb(ctx, words)
	case words[0] == "capture" && !p.terminal:
		return errors.New("capture: there is no Ctrl-C here; leave it running with & behind it, and end it with: capture ^C")
	case p.terminal:
		return p.watched(ctx, words)
	}
	return p.run(ctx, words, p.Out)
}

// run runs a verb to its end.
func (p *Prompt) run(ctx context.Context, words []string, out io.Writer) (err error) {
	rest, file, err := verb.Output(words, os.Stdout)
	if err == nil {
		if !slices.Equal(rest, words) { // it writes to a file
			out = file
			defer func() { err = errors.Join(err, file.Close()) }()
		}
		err = verb.Run(ctx, p.Lab, rest, out)
	}
	_, text, ok := verb.Status(err)
	if !ok {
		return err
	}
	_, err = io.WriteString(p.Err, text)
	return err
}

// watched runs a verb until it ends or the person presses Ctrl-C, which must
// not end the lab as well.
func (p *Prompt) watched(ctx context.Context, words []string) error {
	fd := int(p.In.Fd())
	old, err := term.MakeRaw(fd)
	if err != nil {
		return err
	}
	p.raw.Store(true)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	keys := p.keys.Lend()
	go func() {
		buf := make([]byte, 256)
		for {
			n, err := keys.Read(buf)
			if err != nil {
				return
			}
			if bytes.IndexByte(buf[:n], 0x03) >= 0 {
				cancel()
			}
		}
	}()
	err = p.run(ctx, words, &prefixer{to: os.Stdout, raw: &p.raw})
	stopped := ctx.Err() != nil
	keys.Close()
	term.Restore(fd, old)
	p.raw.Store(false)
	if stopped {
		return nil // as the person wanted
	}
	return err
}

// leaveVerb starts a verb and comes back at once. Its lines are printed with
// its name before them.
func (p *Prompt) leaveVerb(ctx context.Context, words []string) error {
	ctx, cancel := context.WithCancel(ctx)
	out := &prefixer{to: p.Out, prefix: words[0] + " | ", raw: &p.raw}
	p.behind = append(p.behind, &behind{name: words[0], interrupt: func() bool {
		running := ctx.Err() == nil
		cancel()
		return running
	}})
	go func() {
		defer cancel()
		if err := p.run(ctx, words, out); err != nil && ctx.Err() == nil {
			fmt.Fprintf(out, "hostlab: %v\n", err)
		}
		fmt.Fprintf(out, "[ended] %s\n", strings.Join(words, " "))
	}()
	return nil
}

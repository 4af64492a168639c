package narrate

import (
	"context"
	"fmt"
	"os"
	"time"

	tea "charm.land/bubbletea/v2"
)

// Screen shows the narration on a terminal of its own keys, in and out, until
// it has ended and a key was pressed. The terminal is as it was afterwards. The
// error is context.Canceled when the audience ended it before its end, ctx's,
// the terminal's, or why there was no lab.
func (n *Narration) Screen(ctx context.Context, in, out *os.File) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &screen{n: n, ctx: ctx}
	_, err := tea.NewProgram(s, tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler()).Run()
	if s.err == nil && err != nil {
		return fmt.Errorf("narrate: terminal: %w", err)
	}
	return s.err
}

// A screen is a narration as a Bubble Tea program.
type screen struct {
	n             *Narration
	ctx           context.Context
	columns, rows int
	round         int   // of waiting; ticks of earlier rounds are stale
	err           error // why it ended early
}

type (
	mailMsg struct{}
	endMsg  struct{} // of the context
	tickMsg struct{ round int }
)

// Init looks for mail and starts the clock.
func (s *screen) Init() tea.Cmd { return tea.Batch(s.listen, s.advance()) }

// listen waits for the lab to tell something, or for the end of the context. To
// give that to the program instead would have it leave its reader of keys behind.
func (s *screen) listen() tea.Msg {
	select {
	case <-s.n.mail:
		return mailMsg{}
	case <-s.ctx.Done():
		return endMsg{}
	}
}

// Update takes what happens: keys, time, and what the lab tells.
func (s *screen) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		s.columns, s.rows = msg.Width, msg.Height
		return s, nil
	case tea.KeyPressMsg:
		if s.key(msg.String()) {
			return s, tea.Quit
		}
		return s, s.advance()
	case mailMsg:
		s.n.receive()
		if s.err = s.n.player.failed(); s.err != nil {
			return s, tea.Quit
		}
		return s, tea.Batch(s.listen, s.advance())
	case endMsg:
		s.err = context.Cause(s.ctx)
		return s, tea.Quit
	case tickMsg:
		if msg.round == s.round {
			return s, s.advance()
		}
	}
	return s, nil
}

// key does what a key asks for, and reports whether it is to end.
func (s *screen) key(name string) bool {
	p := s.n.player
	p.tick(s.n.clock.Now(), nil)
	switch name {
	case "q", "ctrl+c":
		if !p.over {
			s.err = errInterrupted
		}
		return true
	case "space", "enter", "right":
		if p.over {
			return true
		}
		p.skip()
	case "p":
		p.state.Paused = !p.state.Paused
	case "+", "=":
		p.setSpeed(p.state.Speed * faster)
	case "-":
		p.setSpeed(p.state.Speed / faster)
	}
	return false
}

// faster is by how much the key + changes the speed.
const faster = 1.25

// advance brings the narration to now, and asks to be called again when the
// next thing happens.
func (s *screen) advance() tea.Cmd {
	p := s.n.player
	p.tick(s.n.clock.Now(), nil)
	pause, byItself := p.wait()
	switch {
	case p.over || p.state.Paused:
		return nil
	case !byItself:
		pause = spin
	}
	s.round++
	round := s.round
	return tea.Tick(pause, func(time.Time) tea.Msg { return tickMsg{round} })
}

// View draws the moment.
func (s *screen) View() tea.View {
	v := tea.NewView(Render(s.n.player.state, s.columns, s.rows, s.n.color))
	v.AltScreen = true
	return v
}

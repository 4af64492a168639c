package record

import (
	"io"
	"sync"
)

// A gated reader waits while its gate is closed.
type gated struct {
	io.ReadCloser
	mu   sync.Mutex
	open chan struct{} // nil while the gate is open
}

func (g *gated) Read(b []byte) (int, error) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	if open != nil {
		<-open
	}
	return g.ReadCloser.Read(b)
}

func (g *gated) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gated) release() {
	g.mu.Lock()
	defer g.mu.Unlock()
	close(g.open)
	g.open = nil
}

package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
)

// All that hostlab brings is linted in under 0.1 s. Of several tries the best
// counts, for the machine may be busy with others.
func TestLintIsFast(t *testing.T) {
	best := time.Hour
	for range 10 {
		var out, errs bytes.Buffer
		began := time.Now()
		if status := run(context.Background(), []string{"lint"}, &console{in: strings.NewReader(""), out: &out, err: &errs}); status != statusOK {
			t.Fatalf("status %d: %s%s", status, &out, &errs)
		}
		best = min(best, time.Since(began))
	}
	if best > 100*time.Millisecond {
		t.Errorf("linting took %v; want at most 0.1 s", best)
	}
}

func BenchmarkLint(b *testing.B) {
	for b.Loop() {
		quiet := &console{in: strings.NewReader(""), out: &bytes.Buffer{}, err: &bytes.Buffer{}}
		if status := run(context.Background(), []string{"lint"}, quiet); status != statusOK {
			b.Fatal(status)
		}
	}
}

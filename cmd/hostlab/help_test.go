package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"unicode/utf8"
)

// Every verb's help fits a terminal of 80 columns and has its parts.
func TestHelpFits(t *testing.T) {
	verbs := []string{""}
	for _, cmd := range root(&console{}).Commands() {
		if cmd.Name() != "completion" && cmd.Name() != "help" { // cobra's own words
			verbs = append(verbs, cmd.Name())
		}
	}
	for _, verb := range verbs {
		var out, errs bytes.Buffer
		args := append(strings.Fields(verb), "--help")
		if status := run(context.Background(), args, &console{in: strings.NewReader(""), out: &out, err: &errs}); status != 0 || errs.Len() != 0 {
			t.Errorf("hostlab %s --help: status %d, %q", verb, status, errs.String())
		}
		for line := range strings.Lines(out.String()) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("hostlab %s --help: %d columns: %s", verb, n, line)
			}
		}
		for _, part := range []string{"Usage:", "Exit status:"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("hostlab %s --help: no %q in\n%s", verb, part, out.String())
			}
		}
	}
}

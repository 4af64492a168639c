package pcapng

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"
)

// The bytes are draft-ietf-opsawg-pcapng's figures filled in by hand, little
// end first.
func TestWriterBytes(t *testing.T) {
	at := time.Unix(0, 0x0102030405060708)
	for _, test := range []struct {
		name  string
		write func(*Writer) error
		want  string
	}{
		{"interface", func(w *Writer) error { _, err := w.Interface(Interface{Name: "eth0"}); return err }, `
			01000000 28000000  0100 0000 00000400
			0200 0400 65746830   0900 0100 09000000   00000000  28000000`},
		{"packet", func(w *Writer) error {
			return w.Packet(Packet{Time: at, Direction: Out, Reception: Broadcast, Length: 60, Data: []byte{1, 2, 3, 4, 5}, Comments: []string{"a.md:1"}})
		}, `
			06000000 40000000  00000000 04030201 08070605 05000000 3c000000  0102030405 000000
			0200 0400 0e000000   0100 0600 612e6d643a31 0000   00000000  40000000`},
		{"statistics", func(w *Writer) error {
			return w.Statistics(Statistics{Time: at, Start: at, Received: 3, Dropped: 2})
		}, `
			05000000 40000000  00000000 04030201 08070605
			0200 0800 04030201 08070605   0400 0800 03000000 00000000   0500 0800 02000000 00000000   00000000  40000000`},
	} {
		var out bytes.Buffer
		w, err := NewWriter(&out, Section{})
		if err != nil {
			t.Fatal(err)
		}
		if test.name != "interface" {
			if _, err := w.Interface(Interface{}); err != nil {
				t.Fatal(err)
			}
		}
		out.Reset()
		if err := test.write(w); err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got, want := hex.EncodeToString(out.Bytes()), strings.Join(strings.Fields(test.want), ""); got != want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
		}
	}
}

func TestWriterRefusesUnknownInterface(t *testing.T) {
	w, err := NewWriter(&bytes.Buffer{}, Section{})
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{w.Packet(Packet{}), w.Packet(Packet{Interface: -1}), w.Statistics(Statistics{})} {
		if err == nil || !strings.HasPrefix(err.Error(), "pcapng: interface") {
			t.Errorf("error %v; want one about the interface", err)
		}
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestWriterTellsErrors(t *testing.T) {
	if _, err := NewWriter(full{}, Section{}); err == nil {
		t.Error("no error from a full disk")
	}
}

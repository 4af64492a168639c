package mark

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

// events reads a stream to its end.
func events(t testing.TB, r io.Reader, token string) []Event {
	t.Helper()
	s := NewScanner(r, token)
	var got []Event
	for {
		e, err := s.Next()
		if errors.Is(err, io.EOF) {
			return got
		}
		if err != nil {
			t.Fatalf("Next: %v", err)
		}
		got = append(got, e)
	}
}

func line(s string) Event { return Event{Kind: Line, Line: s} }

func TestWriters(t *testing.T) {
	for _, token := range []string{"", "k7Xq"} {
		t.Run("token "+token, func(t *testing.T) {
			t.Setenv(TokenEnv, token)
			var b bytes.Buffer
			err := errors.Join(WritePrompt(&b), WriteStart(&b), WriteEnd(&b, 0, ""),
				WriteEnd(&b, 130, "SIGINT"), WriteEnd(&b, 255, ""), WriteStopped(&b))
			if err != nil {
				t.Fatal(err)
			}
			want := []Event{{Kind: Prompt}, {Kind: Start}, {Kind: End},
				{Kind: End, Status: 130, Signal: "SIGINT"}, {Kind: End, Status: 255}, {Kind: Stopped, Status: 148}}
			if diff := cmp.Diff(want, events(t, &b, token)); diff != "" {
				t.Errorf("events differ (-want +got):\n%s", diff)
			}
		})
	}
}

// A terminal of this world must see what the field agreed on.
func TestWriteEndBytes(t *testing.T) {
	t.Setenv(TokenEnv, "k7")
	var b bytes.Buffer
	if err := WriteEnd(&b, 130, "SIGINT"); err != nil {
		t.Fatal(err)
	}
	if got, want := b.String(), "\x1b]133;D;130;signal=SIGINT;aid=k7\a"; got != want {
		t.Errorf("WriteEnd wrote %q; want %q", got, want)
	}
}

func TestWriterError(t *testing.T) {
	_, w := io.Pipe()
	w.Close()
	if err := WritePrompt(w); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("WritePrompt to a closed pipe: %v; want %v", err, io.ErrClosedPipe)
	}
}

var scans = []struct {
	name  string
	in    string
	token string
	want  []Event
}{
	{name: "nothing"},
	{name: "one command", in: "\x1b]133;A\a\x1b]133;C\aListening at\r\n\x1b]133;D;0\a\x1b]133;A\a",
		want: []Event{{Kind: Prompt}, {Kind: Start}, line("Listening at"), {Kind: End}, {Kind: Prompt}}},
	{name: "unfinished line before a mark", in: "a\nb\x1b]133;D;1\a", want: []Event{line("a"), line("b"), {Kind: End, Status: 1}}},
	{name: "unfinished line at the end", in: "a\nb", want: []Event{line("a"), line("b")}},
	{name: "empty lines count", in: "\n\r\n", want: []Event{line(""), line("")}},
	{name: "only a carriage return before a mark", in: "\r\x1b]133;C\a", want: []Event{{Kind: Start}}},
	{name: "several carriage returns", in: "a\rb\r\r\n", want: []Event{line("a\rb")}},
	{name: "mark ended by ST", in: "\x1b]133;D;3\x1b\\x", want: []Event{{Kind: End, Status: 3}, line("x")}},
	{name: "mark without its end", in: "\x1b]133;D;3", want: []Event{line("\x1b]133;D;3")}},
	{name: "mark cut by a mark", in: "\x1b]133;D;\x1b]133;C\a", want: []Event{line("\x1b]133;D;"), {Kind: Start}}},
	{name: "escape before a mark", in: "\x1b\x1b]133;C\a", want: []Event{line("\x1b"), {Kind: Start}}},
	{name: "escape inside the end", in: "\x1b]133;C\x1b\a", want: []Event{line("\x1b]133;C\x1b\a")}},
	{name: "line end inside a mark", in: "\x1b]133;C\n\a", want: []Event{line("\x1b]133;C"), line("\a")}},
	{name: "colours are text", in: "\x1b[1mbold\x1b[0m\n", want: []Event{line("\x1b[1mbold\x1b[0m")}},
	{name: "other kinds are text", in: "\x1b]133;B\a\x1b]133;A;k=s\a\n", want: []Event{line("\x1b]133;B\a\x1b]133;A;k=s\a")}},
	{name: "status is no number", in: "\x1b]133;D;x\a", want: []Event{line("\x1b]133;D;x\a")}},
	{name: "status over 255", in: "\x1b]133;D;256\a", want: []Event{line("\x1b]133;D;256\a")}},
	{name: "no status", in: "\x1b]133;D\a", want: []Event{line("\x1b]133;D\a")}},
	{name: "empty signal", in: "\x1b]133;D;1;signal=\a", want: []Event{line("\x1b]133;D;1;signal=\a")}},
	{name: "junk", in: "\x00\xff\xfe\x1b]\xe2\n", want: []Event{line("\x00\xff\xfe\x1b]\xe2")}},
	{name: "a mark without our token", in: "\x1b]133;D;0\a\n", token: "k7", want: []Event{line("\x1b]133;D;0\a")}},
	{name: "a mark with another token", in: "\x1b]133;D;0;aid=k8\a\n", token: "k7", want: []Event{line("\x1b]133;D;0;aid=k8\a")}},
	{name: "a token where none is wanted", in: "\x1b]133;A;aid=k8\a", want: []Event{line("\x1b]133;A;aid=k8\a")}},
	{name: "a long line", in: strings.Repeat("x", 2*MaxLine+1) + "\n",
		want: []Event{line(strings.Repeat("x", MaxLine)), line(strings.Repeat("x", MaxLine)), line("x")}},
	{name: "a line of just the limit", in: strings.Repeat("x", MaxLine) + "\n", want: []Event{line(strings.Repeat("x", MaxLine))}},
	{name: "a mark too long", in: opening + strings.Repeat("9", 4*maxMark) + "\a\n",
		want: []Event{line(opening + strings.Repeat("9", 4*maxMark) + "\a")}},
}

func TestScanner(t *testing.T) {
	for _, test := range scans {
		t.Run(test.name, func(t *testing.T) {
			got := events(t, strings.NewReader(test.in), test.token)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events differ (-want +got):\n%s", diff)
			}
			got = events(t, iotest.OneByteReader(strings.NewReader(test.in)), test.token)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("events differ when bytes come one by one (-want +got):\n%s", diff)
			}
		})
	}
}

// What came before the reader's error is not lost, and the error stays.
func TestScannerError(t *testing.T) {
	cut := errors.New("cut")
	s := NewScanner(io.MultiReader(strings.NewReader("half"), iotest.ErrReader(cut)), "")
	if e, err := s.Next(); err != nil || e != line("half") {
		t.Errorf("first Next: %v, %v; want the half line", e, err)
	}
	for range 2 {
		if _, err := s.Next(); !errors.Is(err, cut) {
			t.Errorf("Next: %v; want %v", err, cut)
		}
	}
}

func TestEnviron(t *testing.T) {
	in := []string{"A=1", WindowEnv + "=1", TokenEnv + "=k", WindowEnv + "S=2"}
	if diff := cmp.Diff([]string{"A=1", WindowEnv + "S=2"}, Environ(in)); diff != "" {
		t.Errorf("Environ differs (-want +got):\n%s", diff)
	}
	if in[1] != WindowEnv+"=1" {
		t.Errorf("Environ changed its argument: %q", in)
	}
}

func TestKindString(t *testing.T) {
	for k, want := range map[Kind]string{0: "none", Line: "line", Stopped: "stopped", 9: "kind 9", -1: "kind -1"} {
		if got := k.String(); got != want {
			t.Errorf("Kind(%d).String() = %q; want %q", int(k), got, want)
		}
	}
}

// Whatever a program prints, however the stream is cut into reads: no panic,
// the same events, no line over the limit, and the shell's own mark after it
// is found.
func FuzzScanner(f *testing.F) {
	for _, test := range scans {
		f.Add([]byte(test.in))
	}
	f.Add([]byte("\x1b]133;D;7;aid=nobodyKnows"))
	f.Fuzz(func(t *testing.T, junk []byte) {
		const token = "nobodyKnows1"
		in := append(bytes.Clone(junk), fmt.Sprintf("%sD;7;aid=%s\a", opening, token)...)
		whole := events(t, bytes.NewReader(in), token)
		single := events(t, iotest.OneByteReader(bytes.NewReader(in)), token)
		if diff := cmp.Diff(whole, single); diff != "" {
			t.Errorf("events depend on the reads (-whole +single):\n%s", diff)
		}
		if last := whole[len(whole)-1]; last != (Event{Kind: End, Status: 7}) {
			t.Errorf("last event is %+v; want the shell's mark", last)
		}
		for _, e := range whole {
			if len(e.Line) > MaxLine || strings.Contains(e.Line, "\n") {
				t.Errorf("line of %d bytes, or with a line end in it", len(e.Line))
			}
		}
	})
}

func BenchmarkScanner(b *testing.B) {
	in := bytes.Repeat([]byte("The client at ('192.168.5.10', 35084) says 'This is another message'\r\n"), 1000)
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		events(b, bytes.NewReader(in), "")
	}
}

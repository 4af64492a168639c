package evidence

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"hostlab/lab/wire"
)

const folder = "lessons/01-lesson/"

// unpack returns the members of a bundle, in their order.
func unpack(t testing.TB, bundle []byte) []content {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	var all []content
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, content{f.Name, data})
	}
	return all
}

// zipped makes a zip file as it is told to.
func zipped(t testing.TB, files []content) []byte {
	t.Helper()
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	for _, f := range files {
		w, err := out.Create(f.name)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(f.data)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// change replaces text in a member; "" for old puts it at the end.
func change(t testing.TB, files []content, name, old, is string) []content {
	t.Helper()
	for i := range files {
		if files[i].name != name {
			continue
		}
		was := files[i].data
		if old == "" {
			files[i].data = append(bytes.Clone(was), is...)
		} else if files[i].data = bytes.Replace(was, []byte(old), []byte(is), 1); bytes.Equal(was, files[i].data) {
			t.Fatalf("%s has no %q", name, old)
		}
		return files
	}
	t.Fatalf("no member %s", name)
	return nil
}

// rehashed makes a bundle whose hashes are right, as somebody does who knows
// how.
func rehashed(t testing.TB, files []content) []byte {
	t.Helper()
	m := &Manifest{}
	if err := json.Unmarshal(files[0].data, m); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := pack(&b, m, files[1:]); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestTampered changes a bundle without care: every way is refused, with the
// name of the member.
func TestTampered(t *testing.T) {
	bundle, _ := record(t, text, script, false)
	read := func(data []byte) error {
		_, err := Read(bytes.NewReader(data), int64(len(data)))
		return err
	}
	if err := read(zipped(t, unpack(t, bundle))); err != nil {
		t.Fatalf("packed anew: %v", err)
	}
	for _, f := range unpack(t, bundle) {
		if err := read(zipped(t, change(t, unpack(t, bundle), f.name, "", " "))); !names(err, f.name) {
			t.Errorf("%s changed: %v", f.name, err)
		}
		if err := read(zipped(t, without(unpack(t, bundle), f.name))); !names(err, f.name) {
			t.Errorf("%s missing: %v", f.name, err)
		}
		twice := append(unpack(t, bundle), f)
		if err := read(zipped(t, twice)); !names(err, f.name) {
			t.Errorf("%s twice: %v", f.name, err)
		}
	}
	for _, name := range []string{"extra", "lessons/01-lesson/extra", "../x", "/etc/x", "lessons/../../x", `..\x`, "a//b", "lessons/", ""} {
		err := read(zipped(t, append(unpack(t, bundle), content{name: name})))
		var e *MemberError
		if !errors.As(err, &e) || e.Member != name && name != "" {
			t.Errorf("member %q more: %v", name, err)
		}
		if good := fs.ValidPath(name); good != strings.Contains(err.Error(), "is not in the manifest") {
			t.Errorf("member %q more: %v; a name that leads elsewhere is refused as one", name, err)
		}
	}
	for _, n := range []int{0, 1, 21, 22, 100, len(bundle) / 2, len(bundle) - 1} {
		if err := read(bundle[:n]); err == nil {
			t.Errorf("%d bytes of it: no error", n)
		}
	}
	if err := read(append(bytes.Clone(bundle), "more"...)); err == nil {
		t.Error("bytes behind it: no error")
	}
}

func names(err error, member string) bool {
	var e *MemberError
	return errors.As(err, &e) && e.Member == member && strings.Contains(err.Error(), member)
}

func without(files []content, name string) []content {
	var rest []content
	for _, f := range files {
		if f.name != name {
			rest = append(rest, f)
		}
	}
	return rest
}

// TestBombs refuses members that are huge, say so or not.
func TestBombs(t *testing.T) {
	bundle, _ := record(t, text, script, false)
	zeros := zippedZeros(t, 70<<20)
	for _, test := range []struct {
		name string
		says uint64 // bytes as unpacked
		want string
	}{
		{"one GB", 1 << 30, "1073741824 bytes; 67108864 is the most"},
		{"as it is", 70 << 20, "73400320 bytes; 67108864 is the most"},
		{"it lies", 100, ""},
	} {
		var b bytes.Buffer
		out := zip.NewWriter(&b)
		for _, f := range without(unpack(t, bundle), folder+logName) {
			w, _ := out.Create(f.name)
			w.Write(f.data)
		}
		h := &zip.FileHeader{Name: folder + logName, Method: zip.Deflate, CRC32: crc32.ChecksumIEEE(make([]byte, 70<<20)), CompressedSize64: uint64(len(zeros)), UncompressedSize64: test.says}
		w, err := out.CreateRaw(h)
		if err != nil {
			t.Fatal(err)
		}
		w.Write(zeros)
		out.Close()
		if _, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len())); !names(err, folder+logName) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v; want %s", test.name, err, test.want)
		}
	}
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "link"}
	h.SetMode(fs.ModeSymlink | 0o777)
	w, _ := out.CreateHeader(h)
	w.Write([]byte("/etc/passwd"))
	out.Close()
	if _, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len())); !names(err, "link") {
		t.Errorf("a link: %v", err)
	}
}

// zippedZeros returns deflated zeros.
func zippedZeros(t *testing.T, n int) []byte {
	var b bytes.Buffer
	out := zip.NewWriter(&b)
	w, _ := out.Create("x")
	w.Write(make([]byte, n))
	out.Close()
	z, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := z.File[0].OpenRaw()
	if err != nil {
		t.Fatal(err)
	}
	data, _ := io.ReadAll(raw)
	return data
}

// TestContradicted changes a bundle with care, all hashes right: the replay
// comes to something else, or cannot be.
func TestContradicted(t *testing.T) {
	bundle, _ := record(t, text, script, false)
	for name, test := range map[string]struct {
		member, old, is string
		want            string // in a contradiction, or in the error
	}{
		"verdict":        {reportName, `"verdict": "contradicted"`, `"verdict": "confirmed"`, `claim 2: the report says "confirmed", the replay says "contradicted"`},
		"ok":             {reportName, `"ok": true`, `"ok": false`, ""},
		"outcome":        {reportName, `"as stated"`, `"differs"`, `lesson: the report says "differs"`},
		"stated":         {reportName, `"stated": "confirmed"`, `"stated": "contradicted"`, "claim 1, as stated"},
		"claim":          {reportName, `"id": "2"`, `"id": "9"`, "claim 2"},
		"report's line":  {reportName, `Connection refused`, `Connection accepted`, "claim 2, what the book says"},
		"report's text":  {reportName, `"text": "Listening"`, `"text": "Whistling"`, "transcript"},
		"report's wire":  {reportName, `"arrived": false`, `"arrived": true`, "packets"},
		"output":         {folder + logName, `"yes at 4000"`, `"no"`, `claim 1: the report says "confirmed", the replay says nothing`},
		"status":         {folder + logName, `"status":1,`, `"status":3,`, "claim 2"},
		"command":        {folder + logName, `"text":"ask"`, `"text":"task"`, `the lesson goes on to type "ask" into window 2, and the log to type "task" into window 2`},
		"log more":       {folder + logName, "", `{"kind":"ran","at":9,"args":["x"]}` + "\n", "the lesson ends, and the log goes on to"},
		"log is junk":    {folder + logName, "", "x", "log.jsonl: line "},
		"lesson":         {folder + lessonName, "\nyes at", "\nno at", "claim 1"},
		"lesson more":    {folder + lessonName, "", "\n```console\nlaptop:~$ true\n```\n", "the log "},
		"lesson broken":  {folder + lessonName, "", "\n```console\nnobody:~$ true\n```\n", "lesson.md: "},
		"lab":            {folder + labName, "192.168.5.130", "192.168.5.131", "lab.json: "},
		"lab broken":     {folder + labName, `"guinness"`, `"laptop"`, "lab.json: "},
		"losses":         {folder + labName, "--first 1", "--first 2", "capture.pcapng: packet "},
		"capture":        {folder + captureName, "\x00\x1f", "\x00\x1e", "claim 1"}, // the length of a datagram
		"capture's tale": {folder + captureName, "--first 1", "--first 2", "capture.pcapng: packet "},
		"capture junk":   {folder + captureName, "\x0a\x0d\x0d\x0a", "\x0a\x0d\x0d\x0b", "capture.pcapng: "},
		"no recording":   {manifestName, `"number": 0`, `"number": 1`, ""},
	} {
		changed := rehashed(t, change(t, unpack(t, bundle), test.member, test.old, test.is))
		b, err := Read(bytes.NewReader(changed), int64(len(changed)))
		var v *Verdict
		if err == nil {
			v, err = b.Replay(t.Context())
		}
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			said = strings.Join(v.Contradictions, "\n")
		}
		if said == "" || !strings.Contains(said, test.want) {
			t.Errorf("%s: %q; want %q in it", name, said, test.want)
		}
	}
}

// TestFile writes a file and opens it; a file that is none has a hint.
func TestFile(t *testing.T) {
	bundle, run := record(t, text, script, false)
	dir := t.TempDir()
	name := filepath.Join(dir, "run.zip")
	c := &Collector{}
	m, err := c.WriteFile(name, "v0", run)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if b.Manifest.SHA256 != m.SHA256 || m.SHA256 == "" {
		t.Errorf("sha256 %q; want %q", b.Manifest.SHA256, m.SHA256)
	}
	if err := errors.Join(b.Close(), b.Close()); err != nil {
		t.Error(err)
	}
	// The report says that the lesson was run, and nothing was recorded of it.
	b, _ = Open(name)
	if v, err := b.Replay(t.Context()); err != nil || len(v.Contradictions) == 0 {
		t.Errorf("%v, %v", v, err)
	}
	b.Close()
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	if _, err := Open(filepath.Join(dir, "none.zip")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v; want not exist", err)
	}
	if err := os.WriteFile(name, bundle[:len(bundle)-9], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(name); err == nil || !strings.Contains(err.Error(), name) {
		t.Errorf("%v; want the file's name", err)
	}
	if _, err := c.WriteFile(filepath.Join(dir, "none", "x.zip"), "v0", run); err == nil {
		t.Error("no error for a folder that is not there")
	}
}

// TestCanceled ends a replay in the middle.
func TestCanceled(t *testing.T) {
	bundle, _ := record(t, text, variants["breaks"](script), false)
	b, err := Read(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Replay(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want canceled", err)
	}
}

// TestCaptureOrder holds the order that looks are placed by against the file's.
func TestCaptureOrder(t *testing.T) {
	bundle, _ := record(t, text, variants["packet more"](script), true)
	for _, f := range unpack(t, bundle) {
		if f.name != folder+captureName {
			continue
		}
		tr, err := wire.ReadPcapng(bytes.NewReader(f.data))
		if err != nil {
			t.Fatal(err)
		}
		for i := range tr.Frames[1:] {
			if tr.Frames[i+1].Time.Before(tr.Frames[i].Time) {
				t.Errorf("frame %d is earlier than the one before", i+1)
			}
		}
		if len(tr.Frames) != 6 {
			t.Errorf("%d frames; want 6", len(tr.Frames))
		}
	}
}

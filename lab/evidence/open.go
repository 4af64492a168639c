package evidence

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"hostlab/lab/hint"
	"hostlab/lab/report"
)

// A Bundle is an open file whose every byte has been checked. The caller closes
// it.
type Bundle struct {
	Manifest *Manifest
	Report   *report.Document // the verdicts as the bundle has them

	members map[string]*zip.File
	file    io.Closer
}

// Open opens a bundle and checks it: nothing is missing in it or too much, and
// every member is what the manifest says. The error says what is wrong with the
// first member that is not; see MemberError.
func Open(name string) (*Bundle, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("evidence: %w", err), "hostlab run page-30 --evidence %s", "page-30.zip")
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("evidence: %w", err)
	}
	b, err := Read(f, info.Size())
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	b.file = f
	return b, nil
}

// Close closes the file. It is safe to call twice.
func (b *Bundle) Close() error {
	if b.file == nil {
		return nil
	}
	f := b.file
	b.file = nil
	return f.Close()
}

// Read is Open for what is not a file. The reader stays in use.
func Read(r io.ReaderAt, size int64) (*Bundle, error) {
	if err := checkDirectory(r, size); err != nil {
		return nil, &MemberError{Err: err}
	}
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &MemberError{Err: err}
	}
	b := &Bundle{members: map[string]*zip.File{}}
	if err := b.index(z.File); err != nil {
		return nil, err
	}
	if err := b.manifest(); err != nil {
		return nil, err
	}
	if err := b.compare(z.File); err != nil {
		return nil, err
	}
	text, err := b.read(reportName)
	if err != nil {
		return nil, err
	}
	b.Report = &report.Document{}
	if err := json.Unmarshal(text, b.Report); err != nil { // it may have fields that came later
		return nil, wrong(reportName, "%w", err)
	}
	if err := b.lessons(); err != nil {
		return nil, err
	}
	return b, nil
}

// The end of a zip file without a comment, APPNOTE.TXT section 4.3.16.
const (
	endLength    = 22
	endSignature = "PK\x05\x06"
	maxDirectory = 1 << 20 // bytes: some ten thousand members
)

// checkDirectory refuses a file whose directory does not end it, or is huge,
// before anybody reads that.
func checkDirectory(r io.ReaderAt, size int64) error {
	if size < endLength || size > maxTotal {
		return fmt.Errorf("no bundle: %d bytes", size)
	}
	var end [endLength]byte
	if _, err := r.ReadAt(end[:], size-endLength); err != nil {
		return err
	}
	length := int64(binary.LittleEndian.Uint32(end[12:]))
	offset := int64(binary.LittleEndian.Uint32(end[16:]))
	if string(end[:4]) != endSignature || offset+length != size-endLength {
		return fmt.Errorf("no bundle: it does not end as a zip file does")
	}
	if length > maxDirectory {
		return fmt.Errorf("a directory of %d bytes; %d is the most", length, maxDirectory)
	}
	return nil
}

// index notes the members by their names, and refuses names and sizes that no
// bundle has. The directory is believed for this only.
func (b *Bundle) index(files []*zip.File) error {
	var total uint64
	for _, f := range files {
		total += f.UncompressedSize64
		switch {
		case !fs.ValidPath(f.Name):
			return wrong(f.Name, "is no name of a member")
		case !f.Mode().IsRegular():
			return wrong(f.Name, "is no plain file")
		case b.members[f.Name] != nil:
			return wrong(f.Name, "is there twice")
		case f.UncompressedSize64 > uint64(limitOf(f.Name)) || total > maxTotal:
			return wrong(f.Name, "%d bytes; %d is the most, and %d for all", f.UncompressedSize64, limitOf(f.Name), int64(maxTotal))
		}
		b.members[f.Name] = f
	}
	return nil
}

// manifest reads the manifest and holds it against its own hash.
func (b *Bundle) manifest() error {
	text, err := b.read(manifestName)
	if err != nil {
		return err
	}
	m := &Manifest{}
	if err := strict(text, m); err != nil {
		return wrong(manifestName, "%w", err)
	}
	if m.Format != Format {
		return wrong(manifestName, "format %.40q; this hostlab reads %q", m.Format, Format)
	}
	again, err := m.encode()
	if err != nil {
		return wrong(manifestName, "%w", err)
	}
	if !bytes.Equal(text, again) {
		return wrong(manifestName, "it was changed: it does not hash to its sha256")
	}
	b.Manifest = m
	return nil
}

// compare holds the members against the manifest.
func (b *Bundle) compare(files []*zip.File) error {
	listed := map[string]bool{manifestName: true}
	for _, m := range b.Manifest.Members {
		f := b.members[m.Name]
		switch {
		case f == nil:
			return wrong(m.Name, "is missing")
		case listed[m.Name]:
			return wrong(m.Name, "is listed twice")
		}
		listed[m.Name] = true
		hash, n, err := hashOf(f)
		if err != nil {
			return wrong(m.Name, "%w", err)
		}
		if n != m.Size || hash != m.SHA256 {
			return wrong(m.Name, "it was changed: it does not hash to the manifest's sha256")
		}
	}
	for _, f := range files {
		if !listed[f.Name] {
			return wrong(f.Name, "is not in the manifest")
		}
	}
	return nil
}

// hashOf reads a member to its end, without keeping it.
func hashOf(f *zip.File) (hash string, size int64, err error) {
	r, err := f.Open()
	if err != nil {
		return "", 0, err
	}
	defer r.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(r, limitOf(f.Name)+1))
	return hex.EncodeToString(h.Sum(nil)), n, err
}

// read returns what is in a member.
func (b *Bundle) read(name string) ([]byte, error) {
	f := b.members[name]
	if f == nil {
		return nil, wrong(name, "is missing")
	}
	r, err := f.Open()
	if err != nil {
		return nil, wrong(name, "%w", err)
	}
	defer r.Close()
	text, err := io.ReadAll(io.LimitReader(r, limitOf(name)+1))
	switch {
	case err != nil:
		return nil, wrong(name, "%w", err)
	case int64(len(text)) > limitOf(name):
		return nil, wrong(name, "more than %d bytes", limitOf(name))
	}
	return text, nil
}

// lessons holds the list of lessons against the report and the members.
func (b *Bundle) lessons() error {
	if len(b.Report.Lessons) > maxLessons || len(b.Manifest.Lessons) > maxLessons {
		return wrong(reportName, "more than %d lessons", maxLessons)
	}
	used := map[string]bool{reportName: true}
	latest := -1
	for _, l := range b.Manifest.Lessons {
		if l.Number <= latest || l.Number >= len(b.Report.Lessons) {
			return wrong(manifestName, "lesson %d of %d, behind lesson %d", l.Number, len(b.Report.Lessons), latest)
		}
		latest = l.Number
		for _, name := range []string{lessonName, labName, logName, captureName, transcriptName} {
			if b.members[path.Join(l.Folder, name)] == nil {
				return wrong(path.Join(l.Folder, name), "is missing")
			}
			used[path.Join(l.Folder, name)] = true
		}
	}
	i := slices.IndexFunc(b.Manifest.Members, func(m Member) bool { return !used[m.Name] })
	if i >= 0 {
		return wrong(b.Manifest.Members[i].Name, "belongs to no lesson")
	}
	return nil
}

// strict reads JSON that has all that is known, nothing else, and nothing
// behind it.
func strict(text []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return fmt.Errorf("something stands behind it")
	}
	return nil
}

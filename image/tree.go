package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A file is one entry of a tar file: a directory when its name ends with "/",
// a symbolic link when it has a target, else a regular file.
type file struct {
	name   string
	mode   int64
	target string
	data   []byte
}

func (f file) writeTo(t *tar.Writer) error {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.name, Mode: f.mode, Size: int64(len(f.data)),
		ModTime: epoch, Format: tar.FormatUSTAR,
	}
	switch {
	case f.target != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.target
	case strings.HasSuffix(f.name, "/"):
		h.Typeflag = tar.TypeDir
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(f.data)
	return err
}

func writeTree(w io.Writer, tree []file) error {
	t := tar.NewWriter(w)
	for _, f := range tree {
		if err := f.writeTo(t); err != nil {
			return err
		}
	}
	return t.Close()
}

// linkFiles returns a symbolic link to host for each name, sorted, each name
// once.
func linkFiles(dir string, names []string) ([]file, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	var links []file
	for _, name := range names {
		if name == "" || name == "host" || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return nil, fmt.Errorf("image: program %q: not a name that can be linked in %s", name, dir)
		}
		links = append(links, file{name: dir + name, mode: 0o777, target: "host"})
	}
	return links, nil
}

// machines are the ELF machines of the architectures that a release carries.
var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}

// checkBinary says why a host could not run the binary. Without this, a
// dynamically linked one fails inside an empty file system with no more than
// "no such file or directory".
func checkBinary(binary []byte, arch string) error {
	f, err := elf.NewFile(bytes.NewReader(binary))
	if err != nil {
		return fmt.Errorf("image: host binary: not an executable for linux/%s: %w", arch, err)
	}
	if want, ok := machines[arch]; ok && f.Machine != want {
		return fmt.Errorf("image: host binary: made for %s, and the engine wants linux/%s", f.Machine, arch)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("image: host binary: dynamically linked; a static one is wanted (CGO_ENABLED=0)")
		}
	}
	return nil
}

var _ io.WriterTo = (*Image)(nil)

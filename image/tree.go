package image

import (
	"archive/tar"
	"bytes"
	"debug/elf"
	"fmt"
	"io"
	"strings"

	"hostlab/lab/host/rootfs"
)

func writeFile(t *tar.Writer, f rootfs.File) error {
	h := &tar.Header{
		Typeflag: tar.TypeReg, Name: f.Name, Mode: f.Mode, Size: int64(len(f.Data)),
		ModTime: epoch, Format: tar.FormatUSTAR,
	}
	switch {
	case f.Target != "":
		h.Typeflag, h.Linkname = tar.TypeSymlink, f.Target
	case strings.HasSuffix(f.Name, "/"):
		h.Typeflag = tar.TypeDir
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(f.Data)
	return err
}

func writeTree(w io.Writer, tree []rootfs.File) error {
	t := tar.NewWriter(w)
	for _, f := range tree {
		if err := writeFile(t, f); err != nil {
			return err
		}
	}
	return t.Close()
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

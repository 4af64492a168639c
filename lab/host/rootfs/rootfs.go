// Package rootfs says what stands in the file system of a host: the binary, a
// link to it for each program, users, and the directories that a read-only
// root needs as mount points. The image writes it into an archive; the binary
// itself lays it below a directory for a Dockerfile.
package rootfs

import (
	"fmt"
	"slices"
	"strings"
)

// Binary is the name of the host binary, in every directory of programs.
const Binary = "host"

// A File is one entry: a directory when its name ends with "/", a symbolic
// link when it has a target, else a regular file.
type File struct {
	Name   string // without a leading "/"
	Mode   int64  // permissions as in chmod(2), the sticky bit included
	Target string
	Data   []byte
}

// Host returns the file system of a host, sorted by name, so that a directory
// comes before what it holds. It is an error when a program's name is not a
// plain file name.
func Host(binary []byte, programs []string) ([]File, error) {
	links, err := Links("bin/", programs)
	if err != nil {
		return nil, err
	}
	tree := append(links,
		File{Name: "bin/", Mode: 0o755},
		File{Name: "bin/" + Binary, Mode: 0o755, Data: binary},
		File{Name: "etc/", Mode: 0o755},
		File{Name: "etc/group", Mode: 0o644, Data: []byte("root:x:0:\nnogroup:x:65534:\n")},
		File{Name: "etc/passwd", Mode: 0o644, Data: []byte("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")},
		File{Name: "root/", Mode: 0o700},
		File{Name: "run/", Mode: 0o755},
		File{Name: "tmp/", Mode: 0o1777},
	)
	slices.SortFunc(tree, func(a, b File) int { return strings.Compare(a.Name, b.Name) })
	return tree, nil
}

// Links returns a symbolic link to the binary for each name, sorted, each name
// once. Dir ends with "/".
func Links(dir string, names []string) ([]File, error) {
	var links []File
	for _, name := range slices.Compact(slices.Sorted(slices.Values(names))) {
		if name == "" || name == Binary || name == "." || name == ".." || strings.ContainsAny(name, "/\x00") {
			return nil, fmt.Errorf("rootfs: program %q: not a name that can be linked in %s", name, dir)
		}
		links = append(links, File{Name: dir + name, Mode: 0o777, Target: Binary})
	}
	return links, nil
}

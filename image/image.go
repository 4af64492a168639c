// Package image makes the lab image: the host binary alone, linked under the
// name of every program, in a docker-archive that this package writes itself.
// No base image, no registry and no builder has a part in it, so the same
// binary gives the same image on every computer, and its name is known before
// anything is loaded.
//
// The binary is the one embedded in a release build (build tag embedhost), or
// else built with the Go toolchain from hostlab's own source.
package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"time"

	"hostlab/lab/host/rootfs"
)

// Repository is the name of the lab image without its tag.
const Repository = "hostlab/host"

// An Image is a lab image: what it is called, and how to write it. It holds no
// open file; nothing needs to be closed.
type Image struct {
	ID   string // "sha256:…" of the configuration, as the Docker engine's classic image store names it
	Tag  string // Repository and the first 12 digits of ID: "hostlab/host:3f9c01d2a4b5"
	Arch string // "amd64", as Go names it
	Size int64  // bytes of all files, uncompressed

	config []byte
	layer  string // diff ID of the layer, hex digits only
	length int64  // bytes of the layer as a tar file
	write  func(io.Writer) error
}

// New returns the lab image of a host binary and the names that link to it.
// The order of names does not matter. It is an error when the binary is not a
// static one for linux/arch, or when a name is not a plain file name.
func New(binary []byte, names []string, arch string) (*Image, error) {
	if err := checkBinary(binary, arch); err != nil {
		return nil, err
	}
	tree, err := rootfs.Host(binary, names)
	if err != nil {
		return nil, err
	}
	i := &Image{Arch: arch, write: func(w io.Writer) error { return writeTree(w, tree) }}
	for _, f := range tree {
		i.Size += int64(len(f.Data))
	}
	sum := sha256.New()
	count := &counter{w: sum}
	if err := i.write(count); err != nil {
		return nil, fmt.Errorf("image: %w", err)
	}
	i.length, i.layer = count.n, hex.EncodeToString(sum.Sum(nil))
	i.config = configOf(arch, i.layer)
	id := sha256.Sum256(i.config)
	i.ID = "sha256:" + hex.EncodeToString(id[:])
	i.Tag = Repository + ":" + hex.EncodeToString(id[:])[:12]
	return i, nil
}

// Archive writes the lab image of binary and names to w and returns its ID. It
// is New and WriteTo for those who need the image once.
func Archive(w io.Writer, binary []byte, names []string, arch string) (id string, err error) {
	i, err := New(binary, names, arch)
	if err != nil {
		return "", err
	}
	_, err = i.WriteTo(w)
	return i.ID, err
}

// WriteTo writes the image as a docker-archive, the format of "docker save":
// manifest.json, the configuration and one layer (Docker Image Specification
// v1.2, "Combined Image JSON + Filesystem Changeset Format").
func (i *Image) WriteTo(w io.Writer) (int64, error) {
	count := &counter{w: w}
	configName := i.ID[len("sha256:"):] + ".json"
	layerName := i.layer + "/layer.tar"
	manifest, err := json.Marshal([]map[string]any{{
		"Config": configName, "RepoTags": []string{i.Tag}, "Layers": []string{layerName},
	}})
	if err != nil {
		return 0, fmt.Errorf("image: manifest: %w", err)
	}
	head := []rootfs.File{
		{Name: "manifest.json", Mode: 0o644, Data: manifest},
		{Name: configName, Mode: 0o644, Data: i.config},
		{Name: i.layer + "/", Mode: 0o755},
	}
	if err := i.writeArchive(count, head, layerName); err != nil {
		return count.n, fmt.Errorf("image: write %s: %w", i.Tag, err)
	}
	return count.n, nil
}

func (i *Image) writeArchive(w io.Writer, head []rootfs.File, layerName string) error {
	t := tar.NewWriter(w)
	for _, f := range head {
		if err := writeFile(t, f); err != nil {
			return err
		}
	}
	if err := t.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: layerName, Mode: 0o644, Size: i.length,
		ModTime: epoch, Format: tar.FormatUSTAR,
	}); err != nil {
		return err
	}
	if err := i.write(t); err != nil {
		return err
	}
	return t.Close()
}

// epoch is the time of every file: the same on every computer and day.
var epoch = time.Unix(0, 0).UTC()

// configOf returns the image's configuration (Docker Image Specification v1.2,
// "Image JSON"). Its bytes are hashed, so they must not vary: encoding/json
// sorts the keys of maps.
func configOf(arch, layer string) []byte {
	created := epoch.Format(time.RFC3339)
	config, err := json.Marshal(map[string]any{
		"architecture": arch,
		"os":           "linux",
		"created":      created,
		"config": map[string]any{
			"Entrypoint": []string{"/bin/host"},
			"Cmd":        []string{"init"},
			"Env":        []string{"PATH=/bin", "HOME=/root"},
			"WorkingDir": "/root",
			"Labels":     map[string]string{"hostlab.image": "host"},
		},
		"history": []map[string]string{{"created": created, "created_by": "hostlab"}},
		"rootfs":  map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + layer}},
	})
	if err != nil { // maps and strings alone: a mistake of ours
		panic(err)
	}
	return config
}

// Overlay writes a tar file that puts the binary and its links into another
// image's file system: below OverlayDir, so that nothing of that image is
// replaced.
func Overlay(w io.Writer, binary []byte, names []string) error {
	links, err := rootfs.Links(OverlayDir[1:]+"/", names)
	if err != nil {
		return err
	}
	tree := []rootfs.File{
		{Name: "opt/", Mode: 0o755},
		{Name: "opt/hostlab/", Mode: 0o755},
		{Name: "opt/hostlab/bin/", Mode: 0o755},
		{Name: "opt/hostlab/bin/host", Mode: 0o755, Data: binary},
	}
	return writeTree(w, slices.Concat(tree, links))
}

// OverlayDir is where Overlay puts the binary and its links.
const OverlayDir = "/opt/hostlab/bin"

// counter counts the bytes that pass.
type counter struct {
	w io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

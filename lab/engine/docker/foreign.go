package docker

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/client"

	"hostlab/image"
	"hostlab/lab/hint"
)

// A foreign image is any but the lab image. The host binary and its links are
// copied into each container of it, in a directory of their own that comes
// first in PATH, so that a host behaves the same whatever its image is.
type foreign struct {
	ref     string
	path    string // the image's own PATH
	overlay []byte // a tar file
}

// defaultPath is that of images which set none; it is the engine's default.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// foreignImages looks for the images that hosts name. None is pulled.
func (l *lab) foreignImages(ctx context.Context) (map[string]*foreign, error) {
	images := map[string]*foreign{}
	for _, h := range l.topology.Hosts {
		if h.Image == "" || images[h.Image] != nil {
			continue
		}
		f, err := l.findForeign(ctx, h.Image)
		if err != nil {
			return nil, hostError(h.Name, err)
		}
		images[h.Image] = f
	}
	return images, nil
}

func (l *lab) findForeign(ctx context.Context, ref string) (*foreign, error) {
	found, err := l.c.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return nil, hint.Add(fmt.Errorf("image %s: the engine does not have it, and nothing is ever pulled", ref), "docker pull %s", ref)
	}
	if err != nil {
		return nil, l.c.wrap("image "+ref, err)
	}
	if found.Os != "linux" {
		return nil, fmt.Errorf("image %s: made for %s; hosts are Linux", ref, found.Os)
	}
	f := &foreign{ref: ref, path: defaultPath}
	if found.Config != nil {
		for _, e := range found.Config.Env {
			if path, ok := strings.CutPrefix(e, "PATH="); ok {
				f.path = path
			}
		}
	}
	binary, err := l.engine.config.Binary(ctx, found.Architecture)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := image.Overlay(&b, binary, l.engine.config.Names); err != nil {
		return nil, err
	}
	f.overlay = b.Bytes()
	return f, nil
}

// install copies the binary and its links into a container.
func (f *foreign) install(ctx context.Context, api client.APIClient, id string) error {
	var r io.Reader = bytes.NewReader(f.overlay)
	if err := api.CopyToContainer(ctx, id, "/", r, container.CopyToContainerOptions{}); err != nil {
		return fmt.Errorf("put the host binary into image %s: %w", f.ref, err)
	}
	return nil
}

// hostError names the host that err is about; a hint in it stays.
func hostError(name string, err error) error { return fmt.Errorf("docker: host %s: %w", name, err) }

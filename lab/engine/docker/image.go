package docker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"

	"hostlab/image"
	"hostlab/lab/hint"
)

// labImage returns the lab image for the engine's architecture, and makes sure
// that the engine has it. It is loaded only when missing.
func (e *Engine) labImage(ctx context.Context, c *connection, say func(string, ...any)) (*image.Image, error) {
	i, err := e.makeImage(ctx, c.arch, say)
	if err != nil {
		return nil, err
	}
	present, err := c.hasImage(ctx, i.Tag)
	if err != nil || present {
		return i, err
	}
	say("loading the lab image %s, %.1f MB", i.Tag, float64(i.Size)/1e6)
	return i, c.load(ctx, i)
}

// makeImage makes the image once per architecture.
func (e *Engine) makeImage(ctx context.Context, arch string, say func(string, ...any)) (*image.Image, error) {
	e.imageMu.Lock()
	defer e.imageMu.Unlock()
	if i := e.images[arch]; i != nil {
		return i, nil
	}
	slow := time.AfterFunc(time.Second, func() { say("building the host binary for linux/%s", arch) })
	defer slow.Stop()
	binary, err := e.config.Binary(ctx, arch)
	if err != nil {
		return nil, err
	}
	i, err := image.New(binary, e.config.Names, arch)
	if err != nil {
		return nil, err
	}
	e.images[arch] = i
	return i, nil
}

func (c *connection) hasImage(ctx context.Context, ref string) (bool, error) {
	_, err := c.api.ImageInspect(ctx, ref)
	if errdefs.IsNotFound(err) {
		return false, nil
	}
	return err == nil, c.wrap("image "+ref, err)
}

// load hands the image to the engine and looks whether it is there.
func (c *connection) load(ctx context.Context, i *image.Image) error {
	r, w := io.Pipe()
	go func() {
		_, err := i.WriteTo(w)
		w.CloseWithError(err)
	}()
	defer r.Close()
	answer, err := c.api.ImageLoad(ctx, r)
	if err == nil {
		err = errors.Join(loadError(answer.Body), answer.Body.Close())
	}
	if err != nil {
		return c.wrap("load image "+i.Tag, err)
	}
	present, err := c.hasImage(ctx, i.Tag)
	if err == nil && !present {
		err = hint.Add(fmt.Errorf("docker: image %s: the engine loaded it and does not have it", i.Tag), "docker image ls %s", image.Repository)
	}
	return err
}

// loadError reads the engine's answer to a load, a stream of JSON objects, to
// its end.
func loadError(r io.Reader) error {
	for d := json.NewDecoder(r); ; {
		var message struct{ Error string }
		err := d.Decode(&message)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case message.Error != "":
			return errors.New(message.Error)
		}
	}
}

// imageGone says that a container was refused since its image is not there.
func imageGone(err error) bool { return errdefs.IsNotFound(err) || errors.Is(err, errNoPull) }

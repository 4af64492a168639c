package tools

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/u-root/u-root/pkg/core"
	"github.com/u-root/u-root/pkg/core/cat"
	"github.com/u-root/u-root/pkg/core/cp"
	"github.com/u-root/u-root/pkg/core/find"
	"github.com/u-root/u-root/pkg/core/ls"
	"github.com/u-root/u-root/pkg/core/mkdir"
	"github.com/u-root/u-root/pkg/core/mv"
	"github.com/u-root/u-root/pkg/core/rm"
	"github.com/u-root/u-root/pkg/core/touch"

	"hostlab/lab/program"
)

// fileTools are the tools for files: u-root's, with this package's rules for
// help and exit status.
func fileTools() map[string]runFunc {
	return map[string]runFunc{
		"cat":   fileTool("cat", cat.New, 0),
		"cp":    fileTool("cp", cp.New, 2),
		"find":  fileTool("find", find.New, 0),
		"ls":    fileTool("ls", ls.New, 0),
		"mkdir": fileTool("mkdir", mkdir.New, 1),
		"mv":    fileTool("mv", mv.New, 2),
		"rm":    fileTool("rm", rm.New, 1),
		"touch": fileTool("touch", touch.New, 1),
	}
}

// fileTool is one of u-root's commands, which needs so many words at least.
func fileTool(name string, build func() core.Command, least int) runFunc {
	return func(ctx context.Context, s program.Stdio, args ...string) int {
		if slices.Contains(args, "--help") || name != "ls" && slices.Contains(args, "-h") {
			s.Out.Write(fileUsage(ctx, build))
			return 0
		}
		words := slices.DeleteFunc(slices.Clone(args), func(a string) bool { return strings.HasPrefix(a, "-") })
		if len(words) < least {
			fmt.Fprintf(s.Err, "%s: a name is missing\n", name)
			s.Err.Write(fileUsage(ctx, build))
			return 2
		}
		if name == "find" && len(args) == 0 {
			args = []string{"."}
		}
		var said bytes.Buffer
		c := build()
		c.SetIO(s.In, s.Out, &said)
		err := c.RunContext(ctx, args...)
		s.Err.Write(said.Bytes())
		switch {
		case err == nil:
			return 0
		case bytes.Contains(said.Bytes(), []byte("Usage: ")):
			return 2 // and said so
		}
		complain(s.Err, name, err)
		return 1
	}
}

// fileUsage is the command's own help text.
func fileUsage(ctx context.Context, build func() core.Command) []byte {
	var said bytes.Buffer
	c := build()
	c.SetIO(strings.NewReader(""), &said, &said)
	c.RunContext(ctx, "--help")
	return said.Bytes()
}

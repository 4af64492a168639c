package stage

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"hostlab/lab"
	"hostlab/lab/verb"
)

// inLessons are the verbs of a running lab that a lesson may say: what they do
// is seen in its transcript or on the wire, and has ended with the line.
var inLessons = []string{"fault", "wait"}

// act runs one line "$ hostlab …" of a lesson on its lab. What makes no sense,
// or can't be done, is said on out and has a status, as on the command line;
// an error says that the lab broke.
func act(ctx context.Context, l *lab.Lab, args []string, out io.Writer) (int, error) {
	if len(args) == 0 || !slices.Contains(inLessons, args[0]) {
		_, err := fmt.Fprintf(out, "hostlab: error: %q: a lesson knows %s\n", strings.Join(args[:min(1, len(args))], ""), strings.Join(inLessons, ", "))
		return verb.Misuse, err
	}
	err := verb.Run(ctx, l, args, out)
	status, text, ok := verb.Status(err)
	if !ok {
		return 0, err
	}
	_, err = io.WriteString(out, text)
	return status, err
}

package program

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/spf13/pflag"

	"hostlab/lab/hint"
)

func TestExit(t *testing.T) {
	broken := errors.New("thing: it broke")
	for _, tt := range []struct {
		err       error
		status    int
		out, errs string
	}{
		{nil, 0, "", ""},
		{pflag.ErrHelp, 0, "the help\n", ""},
		{broken, 1, "", "thing: it broke\n"},
		{hint.Add(broken, "mend %s", "it"), 1, "", "thing: it broke\nthing: hint: mend it\n"},
		{fmt.Errorf("around: %w", hint.Add(Misuse{broken}, "thing --help")), 2, "", "around: thing: it broke\nthing: hint: thing --help\n"},
	} {
		var out, errs bytes.Buffer
		status := Exit(Stdio{Out: &out, Err: &errs}, "thing", "the help\n", tt.err)
		if status != tt.status || out.String() != tt.out || errs.String() != tt.errs {
			t.Errorf("%v: status %d, out %q, err %q; want %d, %q, %q", tt.err, status, &out, &errs, tt.status, tt.out, tt.errs)
		}
	}
}

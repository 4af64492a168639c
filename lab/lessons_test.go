package lab_test

import (
	"flag"
	"testing"

	"hostlab/lab/labtest"
)

// labtest.Lessons looks for it: go test ./lab -run Lessons -update
var _ = flag.Bool("update", false, "write what two runs of each lesson showed into its file")

// Every lesson that hostlab brings, as the book's experiments above are, but
// in the words of a reader.
func TestLessons(t *testing.T) { labtest.Lessons(t, "lessons/*.md") }

package evidence

import (
	"testing"

	"hostlab/lab/lesson"
	"hostlab/lab/report"
)

// A run that was as stated is so again and again, out of memory; a lesson that
// expects something else differs.
func TestAgain(t *testing.T) {
	les, err := lesson.Parse("lesson.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := &Recording{}
	if _, err := r.Again(les.Topology); err == nil {
		t.Error("a recording without a run can be played")
	}
	lab := newFakeLab(t, les, script)
	res, err := lesson.Run(t.Context(), les, r.Around(lab), lesson.Options{})
	if err != nil || !res.OK() {
		t.Fatalf("the run: %v, %v", err, res.All())
	}
	r.Done(&report.Lesson{Result: res}, lab.ran, &lab.trace)
	other, err := lesson.Parse("lesson.md", []byte(replace("guinness: UDP to 1060, 23 bytes\n```", "guinness: UDP to 1060, 24 bytes\n```")(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for l, want := range map[*lesson.Lesson]bool{les: true, other: false} {
			tape, err := r.Again(l.Topology)
			if err != nil {
				t.Fatal(err)
			}
			res, err := lesson.Run(t.Context(), l, tape, lesson.Options{})
			if err != nil || res.OK() != want {
				t.Errorf("again: ok %v, %v, %v; want %v", res.OK(), err, res.All(), want)
			}
		}
	}
}

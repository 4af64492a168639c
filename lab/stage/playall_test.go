package stage_test

import (
	"errors"
	"testing"
	"time"

	"hostlab/lab/labtest"
	"hostlab/lab/stage"
)

// Brief lessons of the same hosts share one lab, and each is told once.
func TestPlayAll(t *testing.T) {
	les := written(t, "laptop:~$ hostname\nlaptop\n")
	s := stage.Stage{Frugal: true}
	t.Cleanup(func() { labtest.Require(t, s.Close()) })
	part := stage.Part{Lesson: les, Options: stage.Options{Takes: time.Millisecond}}
	told, started := map[int]int{}, 0
	err := s.PlayAll(t.Context(), []stage.Part{part, part, part}, func(i int, p *stage.Performance, err error) error {
		if err != nil {
			return err
		}
		told[i]++
		if p.Starting > 0 {
			started++
		}
		for _, problem := range p.Result.All() {
			t.Error(problem)
		}
		return nil
	})
	labtest.Require(t, err)
	if started != 1 || len(told) != 3 || told[0]+told[1]+told[2] != 3 {
		t.Errorf("%d labs started, told %v; want one lab, and each lesson told once", started, told)
	}
}

// An error of whom it is told to ends the others, also those in line.
func TestPlayAllStops(t *testing.T) {
	quick := stage.Part{Lesson: written(t, "laptop:~$ hostname\nlaptop\n"), Options: stage.Options{Takes: time.Second}}
	endless := stage.Part{Lesson: written(t, "laptop:~$ cat\nnever\n"), Options: stage.Options{Takes: time.Minute}}
	s := stage.Stage{Labs: 2}
	t.Cleanup(func() { labtest.Require(t, s.Close()) })
	enough := errors.New("enough")
	err := s.PlayAll(t.Context(), []stage.Part{endless, quick, quick, quick}, func(i int, p *stage.Performance, err error) error {
		if i == 0 {
			if p == nil || !errors.Is(err, enough) {
				t.Errorf("the endless one ended with %v; want that it was stopped in the middle", err)
			}
			return nil
		}
		return enough
	})
	if !errors.Is(err, enough) {
		t.Errorf("it ended with %v; want the first error of done", err)
	}
}
